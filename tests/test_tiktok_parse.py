"""What `TikTok.parse` reads from page data: small data of our own, and the recordings where this machine has them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.platforms.base import SiteFacts, Wall
from agent.platforms.tiktok import TikTok
from storage.chance import draw
from storage.records import Kind, Record
from tests.recordings import recordings

CREATED = 1_760_000_000
ID, OTHER = str(CREATED << 32 | 7), str(CREATED + 100 << 32 | 7)
STATE = re.compile(r'__UNIVERSAL_DATA_FOR_REHYDRATION__"[^>]*>(.*?)</script>', re.DOTALL)


def item(**fields: Any) -> dict[str, Any]:
    given = {
        "id": ID,
        "desc": "Kites above the bay #Kite @some.friend #wind #Kite ",
        "createTime": CREATED,
        "author": {"id": "6804334833524589569", "uniqueId": "kite.flyer", "nickname": "K", "createTime": CREATED},
        "video": {"id": ID, "duration": 12, "playAddr": "https://v16.tiktok.com/signed?token=1"},
        "stats": {"playCount": 5000, "diggCount": 400, "commentCount": 30, "shareCount": 2, "collectCount": "21200"},
        "statsV2": {"playCount": "5021", "diggCount": "400", "collectCount": "21158", "repostCount": "0"},
        "music": {"id": "7445658528574606085", "title": "original sound - kite.flyer", "duration": 12},
        "textLanguage": "en",
    }
    return given | fields


def marks(*names: str) -> list[dict[str, Any]]:
    mention = {"hashtagName": "", "userUniqueId": "some.friend", "type": 0}
    return [mention, *({"hashtagName": name, "type": 1} for name in names)]


def only(raw: Any, kind: str = "search") -> Record:
    (record,) = TikTok.parse(raw, kind)
    return record


def page(**scope: Any) -> dict[str, Any]:
    return {"__DEFAULT_SCOPE__": {"webapp." + name.replace("_", "-"): value for name, value in scope.items()}}


@pytest.mark.parametrize(
    "raw",
    [
        item(),
        [item()],
        page(video_detail={"itemInfo": {"itemStruct": item()}, "statusCode": 0}),
        {"itemInfo": {"itemStruct": item()}, "statusCode": 0, "statusMsg": ""},
        page(updated_items=[item()]),
        page(user_detail={"userInfo": {"user": {"id": "1"}, "itemList": [item()]}, "statusCode": 10222}),
        {"ItemModule": {ID: item(author="kite.flyer")}, "ItemList": {"video": {"list": [ID]}}},
        {"data": [{"type": 1, "item": item(), "common": {}}], "has_more": 1},
        {"item_list": [item()], "has_more": 1},
        {"itemList": [item()], "hasMore": True, "statusCode": 0},
    ],
)
def test_an_item_is_read_wherever_it_lies(raw: Any) -> None:
    assert only(raw) == Record(
        platform="tiktok",
        platform_id=ID,
        kind=Kind.SHORT,
        url=f"https://www.tiktok.com/@kite.flyer/video/{ID}",
        caption="Kites above the bay #Kite @some.friend #wind #Kite",
        author="kite.flyer",
        hashtags=("Kite", "wind"),
        duration=12.0,
        published=datetime.fromtimestamp(CREATED, UTC),
        views=5021,
        likes=400,
        comments=30,
        shares=2,
        language="en",
        sound="original sound - kite.flyer",
        extra={"collects": 21158, "reposts": 0},
    )


def test_items_keep_their_order_and_are_merged_by_id() -> None:
    live = {"id": "", "containerType": 2, "createTime": 0, "liveRoomInfo": {"title": "On air", "ownerInfo": {}}}
    reduced = {"id": ID, "video": {"duration": 12}, "stats": {"playCount": 1}, "isAd": True}
    raw = {"itemList": [item(id=OTHER), live, reduced, item(), live]}
    found = TikTok.parse(raw, "recommend")
    assert [(one.platform_id, one.kind) for one in found] == [
        (OTHER, Kind.SHORT),
        (None, Kind.LIVE),
        (ID, Kind.AD),
        (None, Kind.LIVE),
    ]
    assert (found[2].caption or "").startswith("Kites")


@pytest.mark.parametrize(
    "raw",
    [
        {"comments": [{"cid": ID, "text": "#no", "aweme_id": ID, "digg_count": 1, "user": {"uid": ID}}]},
        {"data": [{"type": 4, "user_list": [{"user_info": {"id": ID}, "items": [item()]}]}, {"type": 14}]},
        item()["author"],
        item()["music"],
        {"challengeInfo": {"challenge": {"id": ID, "title": "kite", "stats": {"videoCount": 3}}, "statusCode": 0}},
        page(user_detail={"userInfo": {"user": {"id": ID}}, "statusCode": 10222}),
        {"statusCode": 10101, "itemList": []},
        {"type": "verify"},
        {},
        [],
        None,
        "text",
        7,
    ],
)
def test_what_is_no_item_gives_nothing(raw: Any) -> None:
    assert TikTok.parse(raw, "answer") == []


def test_kinds() -> None:
    photo = only(item(imagePost={"images": [{}]}, video={"duration": 0, "playAddr": ""}))
    assert (photo.kind, photo.url) == (Kind.PHOTO, f"https://www.tiktok.com/@kite.flyer/photo/{ID}")
    assert photo.duration is None
    advert = only(item(isAd=True, ad_info={"ad_id": 7}, adLabelVersion=2))
    assert (advert.kind, advert.paid_partnership, advert.extra["ad_info"]) == (Kind.AD, None, True)
    room = {"roomID": "7", "title": "On air", "ownerInfo": {"uniqueId": "on.air"}, "liveRoomStats": {"userCount": 5}}
    live = only({"id": "", "liveRoomInfo": room, "containerType": 2, "createTime": 0, "desc": ""})
    assert (live.platform_id, live.kind, live.url, live.author) == (None, Kind.LIVE, None, "on.air")
    assert (live.caption, live.published, live.extra) == ("On air", None, {"viewers": 5})


def test_hashtags_are_the_captions_own_and_mentions_are_none() -> None:
    renamed = [{"id": "1", "title": "oops_wind"}]
    assert only(item(textExtra=marks("kite", "wind", "kite"), challenges=renamed)).hashtags == ("kite", "wind")
    assert only(item(contents=[{"textExtra": marks("bay")}], challenges=renamed)).hashtags == ("bay",)
    assert only(item(textExtra=marks(), challenges=renamed)).hashtags == ("oops_wind",)
    assert only(item(desc="nothing @here")).hashtags == ()


def test_a_missing_field_is_none_and_zero_is_zero() -> None:
    bare = only({"id": ID, "video": {"duration": 0}, "textLanguage": "un", "stats": {"playCount": 0}, "author": None})
    assert (bare.caption, bare.author, bare.duration, bare.language, bare.sound) == (None,) * 5
    assert (bare.views, bare.likes, bare.comments, bare.shares) == (0, None, None, None)
    assert bare.url == f"https://www.tiktok.com/@_/video/{ID}"
    assert (bare.paid_partnership, bare.ai_generated, bare.unavailable) == (None, None, None)
    assert bare.published == datetime.fromtimestamp(CREATED, UTC)
    assert bare.extra == {"published_from": "id"}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(16, 16.0), ("16", 16.0), (9.5, 9.5), (0, None), (735_401, None), (-3, None), (True, None), ("x", None)],
)
def test_durations(given: Any, seconds: float | None) -> None:
    assert only(item(video={"duration": given, "playAddr": "x"})).duration == seconds


def test_times_come_from_the_page_as_strings_and_from_answers_as_numbers() -> None:
    assert only(item(createTime=str(CREATED + 5))).published == datetime.fromtimestamp(CREATED + 5, UTC)
    assert "published_from" not in only(item()).extra


@pytest.mark.parametrize(
    ("fields", "paid", "made_by_ai"),
    [
        ({"isAd": False, "adLabelVersion": 2}, True, None),
        ({"adLabelVersion": 2, "IsAigc": True}, True, True),
        ({"isAd": False, "adLabelVersion": 0, "aigcLabelType": 0}, False, False),
        ({"isAd": False, "AIGCDescription": ""}, None, None),
        ({"adAuthorization": True, "IsAigc": False}, None, False),
        ({"IsAigc": False, "aigcLabelType": 2}, None, True),
    ],
)
def test_paid_partnerships_and_ai_marks(fields: dict[str, Any], paid: bool | None, made_by_ai: bool | None) -> None:
    record = only(item(**fields))
    assert (record.paid_partnership, record.ai_generated) == (paid, made_by_ai)


@pytest.mark.parametrize(
    ("code", "message", "cause"),
    [
        (10204, "item doesn't exist", "removed"),
        (10204, None, "removed"),
        ("10204", "item_privacy_authorization&status_deleted", "removed"),
        (10204, "status_self_see", "private"),
        (10204, "status_friend_see", "private"),
        (10204, "cross_border_violation_ur", "region"),
        (10204, "person_geo_fencing", "region"),
        (10204, "content_classification", "age"),
        (10216, "", "private"),
        (10222, "", "private"),
    ],
)
def test_a_page_without_its_video_says_why(code: Any, message: str | None, cause: str) -> None:
    detail = {"statusCode": code, "statusMsg": message}
    for raw in (page(app_context={"region": "NL"}, video_detail=detail), detail, {"VideoPage": detail}):
        assert only(raw) == Record(platform="tiktok", platform_id=None, unavailable=cause)


def test_an_item_may_be_there_and_unavailable() -> None:
    assert only(item(privateItem=True)).unavailable == "private"
    assert only({"id": ID, "isContentClassified": True, "ContentClassificationReason": 2}).unavailable == "age"
    assert only(item(isContentClassified=True)).unavailable is None  # it can be played by this visitor
    refused = {"statusCode": 10204, "statusMsg": "cross_border_violation", "itemInfo": {"itemStruct": item()}}
    assert (only(refused).platform_id, only(refused).unavailable) == (ID, "region")


def test_extra_keeps_flags_and_no_people_addresses_or_tokens() -> None:
    subtitles = [{"LanguageCodeName": "eng-US", "Url": "https://signed"}, {"LanguageCodeName": "spa-ES"}]
    record = only(
        item(
            isAd=False,
            adLabelVersion=0,
            adAuthorization=True,
            locationCreated="ES",
            diversificationLabels=["Outfit", "Outfit", "Beauty"],
            video={"duration": 3, "subtitleInfos": subtitles},
            textExtra=marks("kite"),
            brandOrganicType="no number",
        )
    )
    assert record.extra == {
        "is_ad": False,
        "ad_label_version": 0,
        "ad_authorization": True,
        "collects": 21158,
        "reposts": 0,
        "location_created": "ES",
        "diversification_labels": ["Outfit", "Beauty"],
        "subtitle_languages": ["eng-US", "spa-ES"],
    }


def test_cards_are_read_where_there_is_no_data() -> None:
    cards = [
        {"href": f"https://www.tiktok.com/@kite.flyer/video/{ID}?lang=en", "views": "192.1K", "language": "en",
         "alt": "Kites #wind created by K with K's original sound - K"},
        {"href": f"https://www.tiktok.com/@kite.flyer/photo/{OTHER}", "caption": "Bay", "likes": "1,9 mil"},
        {"href": "https://www.tiktok.com/@kite.flyer/live", "alt": "On air"},
        {"href": None},
        "nothing",
    ]  # fmt: skip
    first, second = TikTok.parse(cards, "cards")
    assert (first.platform_id, first.kind, first.caption, first.hashtags) == (ID, Kind.SHORT, "Kites #wind", ("wind",))
    assert (first.url, first.author) == (f"https://www.tiktok.com/@kite.flyer/video/{ID}", "kite.flyer")
    assert (first.views, first.likes) == (192_100, None)
    assert (second.platform_id, second.kind, second.caption, second.likes) == (OTHER, Kind.PHOTO, "Bay", None)


def test_walls_ends_and_facts_are_read_from_data() -> None:
    assert TikTok.wall_in({"type": "verify", "code": "10000"}, "search") is Wall.CAPTCHA
    assert TikTok.wall_in(None, "search") is Wall.EMPTY
    assert TikTok.wall_in(None, "related") is None
    assert TikTok.wall_in({"itemList": [], "hasMore": True}, "challenge") is None
    ends = [{"has_more": 0}, {"hasMore": False}, {"has_more": 1}, {"hasMore": True}, {}, None]
    assert [TikTok.ended_in(raw, "search") for raw in ends] == [True, True, False, False, False, False]
    context = {"region": "NL", "language": "en"}
    assert TikTok.facts_in(page(app_context=context), "state") == SiteFacts(
        country="NL", language="en", logged_in=False
    )
    known = TikTok.facts_in(page(app_context={**context, "user": {"uid": "7", "uniqueId": "me"}}), "state")
    assert known is not None
    assert known.logged_in is True
    assert TikTok.facts_in({"itemList": []}, "recommend") is None


# Recordings


def recorded() -> list[Path]:
    folder = recordings()
    return sorted((folder / "tiktok").iterdir()) if folder else []


def raws(file: Path) -> list[Any]:
    text = file.read_text("utf-8")
    return [json.loads(source) for source in ([text] if file.suffix == ".json" else STATE.findall(text))]


def items_in(raw: Any) -> Iterator[dict[str, Any]]:
    """Items as a plain reading finds them: what the named keys hold."""
    if isinstance(raw, list):
        yield from (one for one in raw if "desc" in one)
        return
    for entry in raw.get("data", []):
        yield entry["item"]
    yield from raw.get("itemList", [])
    detail = raw.get("__DEFAULT_SCOPE__", {}).get("webapp.video-detail", {})
    if "itemInfo" in detail:
        yield detail["itemInfo"]["itemStruct"]


def kind_in(one: dict[str, Any]) -> Kind:
    if one.get("isAd"):
        return Kind.AD
    return Kind.LIVE if "liveRoomInfo" in one else Kind.PHOTO if "imagePost" in one else Kind.SHORT


needs_recordings = pytest.mark.skipif(not recorded(), reason="no recordings on this machine")


@needs_recordings
@pytest.mark.parametrize("file", recorded(), ids=lambda file: file.name)
def test_recordings_give_what_a_plain_reading_finds(file: Path) -> None:
    for raw in raws(file):
        found = [one for one in TikTok.parse(raw, "answer") if not (one.unavailable and one.platform_id is None)]
        plain = list(items_in(raw))
        assert [(one.platform_id, one.kind) for one in found] == [(one["id"] or None, kind_in(one)) for one in plain]
        for record, one in zip(found, plain, strict=True):
            assert record.caption == (one["desc"].strip() or one.get("liveRoomInfo", {}).get("title"))
            if record.kind is Kind.LIVE:
                continue
            stats, finer = one["stats"], one.get("statsV2", {})
            assert record.author == one["author"]["uniqueId"]
            assert record.url is not None
            assert record.url.endswith(f"/video/{one['id']}")
            assert record.views == int(finer.get("playCount", stats["playCount"]))
            assert record.likes == int(finer.get("diggCount", stats["diggCount"]))
            assert record.comments == int(stats["commentCount"])
            assert record.shares == int(stats["shareCount"])
            assert record.extra["collects"] == int(finer.get("collectCount", stats["collectCount"]))
            seconds = one["video"].get("duration")
            assert record.duration == (float(seconds) if seconds and seconds < 20_000 else None)
            assert record.published is not None
            assert record.published.timestamp() == int(one.get("createTime", int(one["id"]) >> 32))
            assert record.sound == one.get("music", {}).get("title")
            assert record.language == (one["textLanguage"] if one.get("textLanguage", "un") != "un" else None)
            named = [mark["hashtagName"] for mark in one.get("textExtra", []) if mark.get("hashtagName")]
            assert set(named) <= set(record.hashtags)
            assert {tag.casefold() for tag in record.hashtags} <= set(
                re.findall(r"#([^\s#,]+)", one["desc"].casefold())
            )
            assert not re.search(r"https?:|@|MS4wLj", json.dumps(record.extra))


@needs_recordings
def test_the_recorded_removed_video_has_no_id() -> None:
    raw = next(raws(file) for file in recorded() if file.name == "ca74_video_detail_not_found_2025.json")
    assert TikTok.parse(raw, "answer") == [Record(platform="tiktok", platform_id=None, unavailable="removed")]


JUNK: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**80,
    1.5,
    float("nan"),
    "",
    "0",
    "٣",
    "x" * 50,
    [],
    [[]],
    {},
    {"id": ID},
    ["x"],
)


def mutated(raw: Any, seed: int, rate: float, place: str = "") -> Any:
    """The data with some values of any depth replaced by junk of other types."""
    if draw(seed, "breaks", place) < rate:
        return JUNK[int(draw(seed, "junk", place) * len(JUNK))]
    if isinstance(raw, dict):
        return {key: mutated(value, seed, rate, f"{place}/{key}") for key, value in raw.items()}
    if isinstance(raw, list):
        return [mutated(value, seed, rate, f"{place}/{number}") for number, value in enumerate(raw)]
    return raw


def test_malformed_data_gives_fewer_records_and_no_error() -> None:
    full = item(textExtra=marks("kite"), challenges=[{"title": "x"}], imagePost={"images": []}, liveRoomInfo={})
    detail = {"itemInfo": {"itemStruct": full}, "statusCode": 10204, "statusMsg": "status_self_see"}
    given = [page(video_detail=detail), {"data": [{"type": 1, "item": full}], "itemList": [full, item()]}]
    given += [raw for file in recorded() if file.stat().st_size < 150_000 for raw in raws(file)]
    for raw in given:
        most = len(TikTok.parse(raw, "answer"))
        for seed in range(30):
            broken = mutated(raw, seed, (0.01, 0.05, 0.3)[seed % 3])
            records = TikTok.parse(broken, "answer")
            assert len(records) <= most + 1
            assert all(re.fullmatch(r"\d{18,20}", one.platform_id or "0" * 18) for one in records)
            TikTok.wall_in(broken, "search")
            TikTok.ended_in(broken, "search")
            TikTok.facts_in(broken, "state")
            TikTok.parse(broken, "cards")


def test_data_nested_without_end_is_read() -> None:
    raw: Any = item()
    for _ in range(100_000):
        raw = {"more": [raw]}
    assert only(raw).platform_id == ID
