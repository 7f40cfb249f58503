"""Reading Instagram's data: small data of our own for every form and every field."""

from datetime import UTC, datetime
from typing import Any

import pytest

from agent.platforms.base import SiteFacts, Wall
from agent.platforms.instagram import Instagram
from storage.records import Kind, Record

REEL: dict[str, Any] = {
    "__typename": "XDTMediaDict",
    "code": "CodeOfAReel",
    "pk": "3700000000000000001",
    "id": "3700000000000000001_77",
    "media_type": 2,
    "product_type": "clips",
    "ad_id": None,
    "taken_at": 1_750_000_000,
    "video_duration": 12.5,
    "play_count": 4_000,
    "view_count": None,
    "like_count": 300,
    "comment_count": 7,
    "reshare_count": 4,
    "media_repost_count": 2,
    "like_and_view_counts_disabled": False,
    "is_paid_partnership": False,
    "gen_ai_detection_method": {"detection_method": "NONE"},
    "user": {"pk": "77", "username": "some.maker", "profile_pic_url": "https://cdn.example/a.jpg"},
    "caption": {"pk": "9", "text": " A day at sea #sea #Wind ", "created_at": 1_750_000_009},
    "clips_metadata": {"music_info": {"music_asset_info": {"title": "A Song", "display_artist": "A Singer"}}},
    "video_versions": [{"type": 101, "url": "https://cdn.example/v.mp4"}],
    "image_versions2": {"candidates": [{"url": "https://cdn.example/i.jpg"}]},
    "organic_tracking_token": "secret",
}
PICTURE: dict[str, Any] = {
    "code": "CodeOfAPicture",
    "media_type": 1,
    "product_type": "feed",
    "taken_at": 1_750_000_100,
    "image_versions2": {"candidates": [{"url": "https://cdn.example/i.jpg"}]},
}
OLD_VIDEO: dict[str, Any] = {
    "__typename": "GraphVideo",
    "shortcode": "CodeOfOldOne",
    "is_video": True,
    "taken_at_timestamp": 1_600_000_000,
    "display_url": "https://cdn.example/i.jpg",
    "video_view_count": 50,
    "edge_media_preview_like": {"count": 9},
    "edge_media_to_comment": {"count": 3},
    "edge_media_to_caption": {"edges": [{"node": {"text": "Old words #old"}}]},
    "owner": {"id": "5", "username": "old_maker"},
    "edge_media_to_sponsor_user": {"edges": [{"node": {"sponsor": {"username": "brand"}}}]},
    "clips_music_attribution_info": {"artist_name": "Band", "song_name": "Old Song"},
    "dash_info": {"video_dash_manifest": '<MPD mediaPresentationDuration="PT0H1M2.5S">'},
}


def sjs(data: Any) -> dict[str, Any]:
    """A `data-sjs` script's content around what a query answered."""
    answer = ["adp_AnyQueryRelayPreloader_1", {"__bbox": {"complete": True, "result": {"data": data}}}]
    inner = {"require": [["RelayPrefetchedStreamCache", "next", [], answer]]}
    return {"require": [["ScheduledServerJS", "handle", None, [{"__bbox": inner}, {"__bbox": None}]]]}


def route(**given: Any) -> dict[str, Any]:
    told = {"initialRouteInfo": {"route": {"params": {"shortcode": "CodeOfAReel"}, **given}}}
    inner = {"define": [], "require": [["CometPlatformRootClient", "init", [], [told]]]}
    return {"require": [["ScheduledServerJS", "handle", None, [{"__bbox": inner}]]]}


def ids(raw: Any) -> list[str | None]:
    return [record.platform_id for record in Instagram.parse(raw, "any")]


def the(raw: Any, kind: str = "any") -> Record:
    (record,) = Instagram.parse(raw, kind)
    return record


def test_every_field_of_a_reel_is_read() -> None:
    assert the(REEL) == Record(
        platform="instagram",
        platform_id="CodeOfAReel",
        kind=Kind.SHORT,
        url="https://www.instagram.com/reel/CodeOfAReel/",
        caption="A day at sea #sea #Wind",
        author="some.maker",
        hashtags=("sea", "Wind"),
        duration=12.5,
        published=datetime.fromtimestamp(1_750_000_000, UTC),
        views=4_000,
        likes=300,
        comments=7,
        shares=4,
        sound="A Song",
        paid_partnership=False,
        ai_generated=False,
        extra={
            "pk": "3700000000000000001",
            "product_type": "clips",
            "media_type": 2,
            "like_and_view_counts_disabled": False,
            "media_repost_count": 2,
        },
    )


def test_every_field_of_an_older_answer_is_read() -> None:
    record = the({"shortcode_media": OLD_VIDEO})
    assert (record.platform_id, record.kind, record.caption) == ("CodeOfOldOne", Kind.SHORT, "Old words #old")
    assert (record.views, record.likes, record.comments, record.shares) == (50, 9, 3, None)
    assert (record.duration, record.sound, record.paid_partnership) == (62.5, "Old Song", True)
    assert record.published == datetime.fromtimestamp(1_600_000_000, UTC)
    assert record.author == "old_maker"


@pytest.mark.parametrize(
    "raw",
    [
        sjs({"xdt_api__v1__media__shortcode__web_info": {"items": [REEL, PICTURE]}}),
        {
            "data": {
                "xdt_api__v1__clips__home__connection_v2": {"edges": [{"node": {"media": m}} for m in (REEL, PICTURE)]}
            }
        },
        {"data": {"xdt_fbsearch__top_serp_graphql": {"edges": [{"node": {"items": [REEL, PICTURE]}}]}}},
        {
            "data": {
                "xdt_api__v1__clips__user__connection_v2": {"edges": [{"node": {"media": REEL}}, {"node": PICTURE}]}
            }
        },
        {"data": {"xig_polaris_media": {"if_not_gated_logged_out": REEL}, "more": [PICTURE]}},
        {
            "data": {
                "xdt_shortcode_media": REEL,
                "user": {"edge_owner_to_timeline_media": {"edges": [{"node": PICTURE}]}},
            }
        },
        {"items": [{"media": REEL}, {"media": PICTURE}], "status": "ok"},
        {"entry_data": {"PostPage": [{"graphql": {"shortcode_media": REEL}}, PICTURE]}},
        {"sectional_items": [{"layout_content": {"fill_items": [{"media": REEL}, {"media": PICTURE}]}}]},
        [sjs({"a": REEL}), sjs({"b": [PICTURE]})],
    ],
)
def test_posts_are_found_wherever_they_lie_and_in_page_order(raw: Any) -> None:
    assert ids(raw) == ["CodeOfAReel", "CodeOfAPicture"]


@pytest.mark.parametrize(
    "raw",
    [
        {"pk": "1", "text": "a comment", "created_at": 1, "user": REEL["user"]},
        {"username": "x", "profile_pic_url": "https://cdn.example/a.jpg", "code": None},
        {"permalink_key": "reel", "shortcode": "CodeOfAReel"},
        {"code": "en_US"},
        {"code": 400, "media_type": 2},
        {"code": "CodeOfAStory", "media_type": 2, "product_type": "story", "taken_at": 1_750_000_000},
        {"code": "no code at all", "media_type": 2},
        None,
        [],
        "words",
        7,
    ],
)
def test_what_is_no_post_yields_nothing(raw: Any) -> None:
    assert Instagram.parse(raw, "any") == []


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"media_type": 2}, Kind.SHORT),
        ({"media_type": "2", "__typename": "XIGPolarisVideoMedia"}, Kind.SHORT),
        ({"product_type": "clips", "display_uri": "x"}, Kind.SHORT),
        ({"product_type": "igtv"}, Kind.SHORT),
        ({"video_versions": [{"url": "x"}]}, Kind.SHORT),
        ({"taken_at": 1_750_000_000}, Kind.SHORT),
        ({"media_type": 1}, Kind.PHOTO),
        ({"__typename": "GraphImage", "is_video": False, "display_url": "x"}, Kind.PHOTO),
        ({"display_url": "x"}, Kind.PHOTO),
        ({"media_type": 8, "product_type": "carousel_container", "carousel_media": [{"media_type": 1}]}, Kind.PHOTO),
        ({"media_type": 8, "carousel_media": [{"media_type": 1}, {"media_type": 2}]}, Kind.SHORT),
        (
            {"__typename": "GraphSidecar", "edge_sidecar_to_children": {"edges": [{"node": {"is_video": True}}]}},
            Kind.SHORT,
        ),
        ({"media_type": 8, "product_type": "carousel_container", "carousel_media": None}, Kind.PHOTO),
        ({"media_type": 2, "product_type": "ad"}, Kind.AD),
        ({"media_type": 2, "ad_action": "LEARN_MORE"}, Kind.AD),
        ({"media_type": 1, "ad_id": "123"}, Kind.AD),
        ({"media_type": 2, "is_ad": True}, Kind.AD),
        ({"media_type": 2, "is_ad": False, "ad_id": None, "ad_action": None}, Kind.SHORT),
        ({"media_type": 2, "product_type": "live"}, Kind.LIVE),
    ],
)
def test_the_kind_is_told_by_the_data(given: dict[str, Any], kind: Kind) -> None:
    given = {"display_url": None, "code": "CodeOfAPost", **given}
    if not any(given.get(name) for name in ("media_type", "product_type", "is_video", "display_url", "video_versions")):
        given["taken_at"] = 1_750_000_000
    record = the([given])
    assert record.kind is kind
    assert record.url == f"https://www.instagram.com/{'p' if kind is Kind.PHOTO else 'reel'}/CodeOfAPost/"


def test_what_an_advert_is_wrapped_in_marks_it() -> None:
    answer = {"edges": [{"node": {"media": None, "ad": {"ad_id": "5", "items": [REEL]}}}, {"node": {"media": PICTURE}}]}
    assert [(record.platform_id, record.kind) for record in Instagram.parse(answer, "any")] == [
        ("CodeOfAReel", Kind.AD),
        ("CodeOfAPicture", Kind.PHOTO),
    ]


def test_a_live_room_has_no_id() -> None:
    room = {"id": "17", "broadcast_status": "active", "broadcast_owner": {"username": "host"}, "dash_playback_url": "x"}
    record = the({"node": {"broadcast": room}})
    assert (record.platform_id, record.kind, record.author, record.url) == (None, Kind.LIVE, "host", None)


def test_parts_of_a_carousel_and_the_source_of_a_remix_are_no_items() -> None:
    child = {**PICTURE, "code": "CodeOfAChild"}
    remix = {**REEL, "clips_metadata": {"mashup_info": {"original_media": {**REEL, "code": "CodeOfSource"}}}}
    carousel = {**PICTURE, "media_type": 8, "carousel_media": [child, child]}
    assert ids([remix, carousel]) == ["CodeOfAReel", "CodeOfAPicture"]


def test_further_posts_of_the_author_inside_a_post_are_items() -> None:
    more = {"edge_owner_to_timeline_media": {"edges": [{"node": PICTURE}]}}
    assert ids({**OLD_VIDEO, "owner": {"username": "old_maker", **more}}) == ["CodeOfOldOne", "CodeOfAPicture"]


@pytest.mark.parametrize(
    ("given", "likes", "views"),
    [
        ({"like_count": -1}, None, 4_000),
        ({"like_and_view_counts_disabled": True, "like_count": 3}, None, 4_000),
        ({"like_and_view_counts_disabled": True, "like_count": 3, "play_count": 0}, None, None),
        ({"like_count": 3}, 3, 4_000),
        ({"like_count": 0, "play_count": 0}, 0, 0),
        ({"like_count": None, "play_count": None}, None, None),
        ({"play_count": None, "ig_play_count": 80}, 300, 80),
        ({"play_count": None, "view_count": 70}, 300, 70),
        ({"like_count": True, "play_count": "4000"}, None, 4_000),
    ],
)
def test_hidden_and_missing_counts_are_none(given: dict[str, Any], likes: int | None, views: int | None) -> None:
    record = the({**REEL, **given})
    assert (record.likes, record.views) == (likes, views)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"gen_ai_detection_method": {"detection_method": "SELF_DISCLOSURE_FLOW"}}, True),
        ({"gen_ai_detection_method": None}, None),
        ({"gen_ai_detection_method": {}}, None),
        ({"gen_ai_detection_method": None, "is_ai_generated": True}, True),
        ({"is_ai_generated": False}, False),
    ],
)
def test_an_ai_mark_is_read_as_it_is_given(given: dict[str, Any], expected: bool | None) -> None:
    assert the({**REEL, **given}).ai_generated is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"is_paid_partnership": True}, True),
        ({"is_paid_partnership": None}, None),
        ({"is_paid_partnership": None, "sponsor_tags": [{"sponsor": {"pk": 1}}]}, True),
        ({"is_paid_partnership": None, "sponsor_tags": None}, None),
    ],
)
def test_a_partnership_is_read_as_it_is_given(given: dict[str, Any], expected: bool | None) -> None:
    assert the({**REEL, **given}).paid_partnership is expected


def test_an_original_sound_stands_where_there_is_no_music() -> None:
    clips = {"music_info": None, "original_sound_info": {"original_audio_title": "Original audio"}}
    assert the({**REEL, "clips_metadata": clips}).sound == "Original audio"


def test_two_mentions_of_a_post_are_one_record() -> None:
    listed = {"code": "CodeOfAReel", "media_type": 2, "like_count": None, "ad_id": "5", "view_count": None}
    record = the(
        [listed, {**REEL, "play_count": None}, {"code": "CodeOfAReel", "product_type": "clips", "play_count": 5}]
    )
    assert (record.kind, record.likes, record.views, record.duration) == (Kind.AD, 300, 5, 12.5)


@pytest.mark.parametrize(
    ("raw", "code", "cause"),
    [
        (route(tracePolicy="polaris.privatePostPage"), "CodeOfAReel", "private"),
        (route(rootView={"props": {"failure_reason": "MA", "restricted_age": 25}}), "CodeOfAReel", "age"),
        (
            sjs({"xdt_async_get_ruling_for_media_content_logged_out_v2": {"description": "18 years or over"}}),
            None,
            "age",
        ),
        (
            sjs({"xdt_async_get_ruling_for_media_content_logged_out": {"blocks_logging_data": "MIN_AGE_ACCOUNT"}}),
            None,
            "age",
        ),
        (
            [
                sjs({"xdt_async_get_ruling_for_media_content_logged_out": {"title": "18歳以上"}}),
                route(url="/reel/x/"),
            ],
            "CodeOfAReel",
            "age",
        ),
    ],
)
def test_what_is_kept_from_us_is_said(raw: Any, code: str | None, cause: str) -> None:
    record = the(raw)
    assert (record.platform_id, record.unavailable) == (code, cause)


@pytest.mark.parametrize(
    "raw",
    [
        route(tracePolicy="polaris.postPage"),
        route(tracePolicy="polaris.httpErrorPage", polarisRouteConfig={"pageID": "httpErrorPage"}),
        route(rootView={"props": {"failure_reason": "XX", "restricted_age": 25}}),
        sjs({"xdt_async_get_ruling_for_media_content_logged_out_v2": None}),
        sjs({"xdt_async_get_ruling_for_media_content_logged_out_v2": {"title": "", "description": None}}),
    ],
)
def test_an_ordinary_page_keeps_nothing_from_us(raw: Any) -> None:
    assert Instagram.parse(raw, "state") == []


@pytest.mark.parametrize(
    ("raw", "wall"),
    [
        ({"status": "fail", "message": "checkpoint_required"}, Wall.BOT_CHECK),
        ({"status": "fail", "message": "feedback_required", "spam": True}, Wall.RATE_LIMIT),
        ({"status": "fail", "message": "login_required"}, Wall.LOGIN),
        ({"status": "fail", "message": "anything", "require_login": True}, Wall.LOGIN),
        ({"status": "fail", "message": "Media not found"}, None),
        ({"status": "ok", "message": "login_required"}, None),
        (route(url="/accounts/login/?next=%2Freels%2F"), Wall.LOGIN),
        (route(url="/challenge/?next=/"), Wall.BOT_CHECK),
        (route(url="/challengers/"), None),
        ({"entry_data": {"LoginAndSignupPage": [{"captcha": {"enabled": False}}]}}, Wall.LOGIN),
        ({"entry_data": {"Challenge": [{"challengeType": "SelectVerificationMethodForm"}]}}, Wall.BOT_CHECK),
        ({"entry_data": {"Challenge": [{"challengeType": "RecaptchaChallengeForm"}]}}, Wall.CAPTCHA),
        ({"entry_data": {"PostPage": [{"graphql": {"shortcode_media": OLD_VIDEO}}]}}, None),
        (route(url="/reel/CodeOfAReel/"), None),
        (sjs({"xdt_api__v1__media__shortcode__web_info": {"items": [REEL]}}), None),
        (None, None),
    ],
)
def test_walls_are_told_by_the_data(raw: Any, wall: Wall | None) -> None:
    assert Instagram.wall_in(raw, "state") is wall


def test_the_page_says_who_it_takes_the_visitor_for() -> None:
    def defining(viewer: Any) -> dict[str, Any]:
        defined = [
            ["IntlCurrentLocale", [], {"code": "de_DE"}, 1],
            ["PolarisViewer", [], {"data": viewer, "id": None}, 2],
            ["PolarisSiteData", [], {"country_code": "AT", "device_id": "X"}, 3],
        ]
        return {"require": [["ScheduledServerJS", "handle", None, [{"__bbox": {"define": defined}}]]]}

    assert Instagram.facts_in(defining(None), "state") == SiteFacts(country="AT", language="de_DE", logged_in=False)
    assert Instagram.facts_in(defining({"id": "1"}), "state") == SiteFacts(
        country="AT", language="de_DE", logged_in=True
    )
    assert Instagram.facts_in(sjs({"a": REEL}), "state") is None
    assert Instagram.facts_in({"define": [["Another", [], {}, 1]]}, "state") is None
    old = {"config": {"viewer": None}, "country_code": "TR", "locale": "tr_TR", "entry_data": {"PostPage": []}}
    assert Instagram.facts_in(old, "state") == SiteFacts(country="TR", language="tr_TR", logged_in=False)


def test_search_answers_are_told_from_what_else_the_page_loads() -> None:
    search = {"data": {"xdt_fbsearch__top_serp_graphql": {"edges": [], "page_info": {"has_next_page": False}}}}
    timeline = {"data": {"xdt_api__v1__feed__timeline__connection": {"edges": [{"node": {"media": REEL}}]}}}
    assert [Instagram.kind_of(raw, "graphql") for raw in (search, timeline)] == ["search", "graphql"]
    assert Instagram.ended_in(search, "search")
    search["data"]["xdt_fbsearch__top_serp_graphql"]["page_info"] = {"has_next_page": True}
    assert not Instagram.ended_in(search, "search")
