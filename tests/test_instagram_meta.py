"""The meta elements of Instagram's pages, which describe a post even behind a login wall."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.platforms.instagram import Instagram
from storage.records import Kind, Record
from tests.test_instagram_parse import the

OG = {
    "og:title": 'Some Maker on Instagram: "A day at sea: \n"wind" #sea"',
    "og:description": '13M likes, 1,057 comments - some.maker on January 2, 2025: "A day at sea: \n"wind" #sea". ',
    "og:url": "https://www.instagram.com/some.maker/reel/CodeOfAReel/",
    "al:android:url": "https://www.instagram.com/reel/CodeOfAReel/",
    "twitter:title": "Some Maker (@some.maker) • Instagram reel",
    "og:image": "https://cdn.example/i.jpg?token=secret",
}


def test_meta_elements_describe_their_post() -> None:
    assert the(OG, "og") == Record(
        platform="instagram",
        platform_id="CodeOfAReel",
        kind=Kind.SHORT,
        url="https://www.instagram.com/reel/CodeOfAReel/",
        caption='A day at sea: \n"wind" #sea',
        author="some.maker",
        hashtags=("sea",),
        published=datetime(2025, 1, 2, tzinfo=UTC),
        likes=13_000_000,
        comments=1_057,
    )


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"og:description": None, "description": None}, {"caption": 'A day at sea: \n"wind" #sea', "likes": None}),
        (
            {"og:description": "5 likes, 1 comment - some.maker on May 9, 2024", "og:title": "x"},
            {"caption": None, "likes": 5},
        ),
        ({"og:description": "84 comments - some.maker on May 9, 2024"}, {"likes": None, "comments": 84}),
        ({"og:description": "84 likes - some.maker on May 9, 2024"}, {"likes": 84, "comments": None}),
        ({"og:description": "some.maker on February 31, 2024"}, {"likes": None, "published": None}),
        ({"og:url": None}, {"platform_id": "CodeOfAReel", "author": "some.maker"}),
        (
            {"og:url": "https://www.instagram.com/p/CodeOfAPost/", "twitter:title": "X (@x) • Instagram photo"},
            {"kind": Kind.PHOTO},
        ),
        ({"og:url": "https://www.instagram.com/p/CodeOfAPost/"}, {"kind": Kind.SHORT, "author": "some.maker"}),
        ({"og:url": "https://www.instagram.com/reel/CodeOfAReel/?igsh=x"}, {"platform_id": "CodeOfAReel"}),
        (
            {
                "og:description": "1,5 Mio. „Gefällt mir“, 84 Kommentare – some.maker am 9. Mai 2024: „Am Meer“",
                "og:locale": "de_DE",
            },
            {"likes": 1_500_000, "comments": 84, "published": None, "caption": "Am Meer"},
        ),
    ],
)
def test_meta_elements_are_read_in_their_other_forms(change: dict[str, Any], expected: dict[str, Any]) -> None:
    record = the({**OG, **change}, "og")
    assert {name: getattr(record, name) for name in expected} == expected


@pytest.mark.parametrize(
    "meta",
    [
        {"og:url": "https://www.instagram.com/some.maker/", "og:description": "1M Followers, 2 Following, 3 Posts - x"},
        {"og:url": "https://www.instagram.com/accounts/login/", "og:title": "Login • Instagram"},
        {"og:title": 'X on Instagram: "no address"'},
        {},
        [],
        None,
    ],
)
def test_meta_elements_without_a_post_yield_nothing(meta: Any) -> None:
    assert Instagram.parse(meta, "og") == []
