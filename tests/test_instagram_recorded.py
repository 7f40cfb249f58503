"""Instagram's recordings, read independently of the parser; and data that is not as it should be."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from agent.platforms.instagram import Instagram
from agent.platforms.reading import decoded
from storage.chance import draw
from storage.records import Kind, Record
from tests.recordings import recordings
from tests.test_instagram_meta import OG
from tests.test_instagram_parse import OLD_VIDEO, PICTURE, REEL, route, sjs, the

# Data that is not as it should be

WRONG: tuple[Any, ...] = (None, True, -1, 7, 1e300, "", "words", "2", [], [None], {}, {"count": []}, {"text": 5}, [[]])


def places(raw: Any) -> Iterator[tuple[Any, Any]]:
    """Every container with each of its keys."""
    for key, value in list(raw.items() if isinstance(raw, dict) else enumerate(raw)):
        yield raw, key
        if isinstance(value, dict | list):
            yield from places(value)


def typed(record: Record) -> bool:
    """Whether every field holds what it declares."""
    for name, hint in get_type_hints(Record).items():
        allowed = get_args(hint) or (hint,)
        if name not in ("hashtags", "extra") and not isinstance(getattr(record, name), allowed):
            return False
    return all(isinstance(tag, str) for tag in record.hashtags)


def check_mutants(source: str, kind: str, *, only: int | None = None) -> int:
    """Parse the data with one place after the other replaced by something else; how many were tried."""
    total = len(list(places(json.loads(source))))
    step = max(1, total // only) if only else 1
    for number in range(0, total, step):
        raw = json.loads(source)
        container, key = list(places(raw))[number]
        container[key] = WRONG[int(draw(1, "wrong", str(number)) * len(WRONG))]
        assert all(typed(record) for record in Instagram.parse(raw, kind)), (number, key, container[key])
        Instagram.wall_in(raw, kind)
        Instagram.facts_in(raw, kind)
        Instagram.ended_in(raw, Instagram.kind_of(raw, kind))
    return total // step


def test_malformed_data_never_raises_and_never_yields_wrong_types() -> None:
    search = {"xdt_fbsearch__top_serp_graphql": {"edges": [{"node": {"items": [REEL]}}], "page_info": {}}}
    gate = [
        route(tracePolicy="polaris.privatePostPage", rootView={"props": {"failure_reason": "MA", "restricted_age": 25}})
    ]
    ruling = {"xdt_async_get_ruling_for_media_content_logged_out": {"title": "18", "blocks_logging_data": "AGE"}}
    defined = {"define": [["PolarisViewer", [], {"data": None}, 1], ["PolarisSiteData", [], {"country_code": "AT"}, 2]]}
    for raw in (REEL, PICTURE, {"shortcode_media": OLD_VIDEO}, sjs(search), gate, sjs(ruling), defined):
        for shift in range(3):  # the same place, other values
            assert check_mutants(json.dumps([None] * shift + [raw]), "state")
    assert check_mutants(json.dumps(OG), "og")


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        ('for (;;);{"items": [POST]}', ["CodeOfAReel"]),
        ('{"data": {"a": POST}}\n{"label": "deferred", "data": {"b": OTHER}}\n', ["CodeOfAReel", "CodeOfAPicture"]),
        ('{"data": {"a": POST}, "cut', []),
        ("", []),
    ],
)
def test_answers_are_read_behind_their_guard_and_in_several_parts(body: str, ids: list[str]) -> None:
    raw = decoded(body.replace("POST", json.dumps(REEL)).replace("OTHER", json.dumps(PICTURE)))
    assert [record.platform_id for record in Instagram.parse(raw, "graphql")] == ids


# Recordings

FOLDER = recordings()
needs_recordings = pytest.mark.skipif(FOLDER is None, reason="no recordings on this machine")


def recorded(ending: str) -> list[Path]:
    return sorted((FOLDER / "instagram").glob(f"*{ending}")) if FOLDER else []


class PageReader(HTMLParser):
    """The plain reading of a saved page: the content of its data scripts and its meta elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.data: list[Any] = []
        self._in_data = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._in_data = tag == "script" and "data-sjs" in given
        if tag == "meta" and (name := given.get("property") or given.get("name")):
            self.meta[name] = given.get("content", "")

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data.append(json.loads(data))
            self._in_data = False


def plain_posts(raw: Any) -> Iterator[dict[str, Any]]:
    """Every object that holds both a code and a media type, read the plainest way."""
    if isinstance(raw, dict):
        if isinstance(raw.get("code"), str) and "media_type" in raw:
            yield raw
        for key, value in raw.items():
            if key != "carousel_media":
                yield from plain_posts(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from plain_posts(value)


def check_against(posts: list[dict[str, Any]], records: list[Record]) -> None:
    assert [record.platform_id for record in records] == list(dict.fromkeys(post["code"] for post in posts))
    for record in records:
        post = next(post for post in posts if post["code"] == record.platform_id)
        assert record.kind is {1: Kind.PHOTO, 2: Kind.SHORT}[post["media_type"]]
        assert record.author == post["user"]["username"]
        assert record.caption == ((post["caption"] or {}).get("text") or "").strip() or record.caption is None
        assert (record.likes, record.comments) == (post["like_count"], post["comment_count"])
        assert record.views == (post.get("play_count") or post.get("view_count"))
        assert record.duration == post.get("video_duration")
        taken = post.get("taken_at")
        assert record.published == (datetime.fromtimestamp(taken, UTC) if taken else None)
        assert record.paid_partnership is post.get("is_paid_partnership")
        assert record.extra["pk"] == post["pk"]
        sound = (post.get("clips_metadata") or {}).get("original_sound_info") or {}
        assert record.sound == sound.get("original_audio_title")
        kept = json.dumps(record.extra)
        assert not any(word in kept for word in ("http", "token", post["user"]["username"]))


@needs_recordings
@pytest.mark.parametrize("path", recorded(".json"), ids=lambda path: path.stem)
def test_a_recorded_answer_yields_what_its_json_holds(path: Path) -> None:
    raw = json.loads(path.read_text("utf-8"))
    posts = list(plain_posts(raw))
    assert posts
    check_against(posts, Instagram.parse(raw, "rest"))


@needs_recordings
@pytest.mark.parametrize("path", recorded(".html"), ids=lambda path: path.stem)
def test_a_recorded_page_yields_what_its_state_and_its_meta_elements_hold(path: Path) -> None:
    page = PageReader(path.read_text("utf-8"))
    posts = list(plain_posts(page.data))
    records = [record for raw in page.data for record in Instagram.parse(raw, "state") if not record.unavailable]
    check_against(posts, records)
    told = the(page.meta, "og")
    assert f"/{told.platform_id}/" in page.meta["og:url"]
    assert told.platform_id not in {record.platform_id for record in records}
    assert told.likes is not None
    assert told.comments is not None
    assert told.published is not None
    day = f"{told.published:%B} {told.published.day}, {told.published.year}"
    assert f"- {told.author} on {day}" in page.meta["description"]
    assert told.caption is None or f'"{told.caption}"' in page.meta["og:title"]
    facts = [fact for raw in page.data if (fact := Instagram.facts_in(raw, "state"))]
    assert [(len(fact.country or ""), fact.language, fact.logged_in) for fact in facts] == [(2, "en_US", False)]
    assert [Instagram.wall_in(raw, "state") for raw in page.data if Instagram.wall_in(raw, "state")] == []


@needs_recordings
def test_the_recorded_login_wall_tells_that_its_reel_is_for_adults() -> None:
    page = PageReader((recorded("login_wall_sep2025.html")[0]).read_text("utf-8"))
    gated = [record for raw in page.data for record in Instagram.parse(raw, "state") if record.unavailable]
    assert [(record.platform_id, record.unavailable) for record in gated] == [(None, "age")]
    together = Instagram.parse(page.data, "state")
    assert together[-1].platform_id == the(page.meta, "og").platform_id
    assert together[-1].unavailable == "age"


@needs_recordings
@pytest.mark.parametrize("path", recorded(".json"), ids=lambda path: path.stem)
def test_a_damaged_recording_never_raises(path: Path) -> None:
    raw = json.loads(path.read_text("utf-8"))
    assert check_mutants(json.dumps(raw["items"][:2]), "rest", only=250)
