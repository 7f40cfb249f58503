"""Every recording says what its source row and its raw data hold: walls, kinds, ids. Skipped where there is none."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agent.inspect import Found, inspect_saved, read_saved
from agent.platforms import web_platform
from agent.platforms.base import Wall
from tests.recordings import recordings

FOLDER = recordings()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="no recordings on this machine")

WALLS = {
    "youtube/jd_consent_page_2021_de.html": "consent",
    "youtube/np_results_page_jan2026.html": "consent",
    "youtube/jd_recaptcha_too_many_requests_2021.html": "captcha",
    "youtube/jd_innertube_bot_wall_2025.json": "bot_check",
    "tiktok/captcha_puzzle_over_browse_mode_apr2025.html": "captcha",
    "tiktok/pak_login_modal_over_video_nov2025.html": "login",
    "instagram/botsmaster_login_wall_sep2025.html": "login",
}
UNAVAILABLE = {
    "youtube/jd_innertube_unavailable.json": "removed",
    "youtube/np_reel_item_watch_private.json": "private",
    "youtube/np_channel_age_wall.json": "age",
    "tiktok/ca74_video_detail_not_found_2025.json": "removed",
    "instagram/botsmaster_login_wall_sep2025.html": "age",
}
KINDS = {
    "youtube/np_search_all_p1.json": {"video": 23, "short": 22},
    "youtube/np_search_all_p2.json": {"video": 24, "short": 20},
    "youtube/np_search_rare_p1.json": {"video": 1, "short": 5},
    "youtube/np_search_rare_p2_end.json": {},
    "youtube/np_reel_item_watch_invalid.json": {},
    "youtube/ytsr_reelShelfRenderer_2024.json": {"short": 38},
    "youtube/wonchoe_home_shorts_shelf_excerpt_dec2025.html": {"short": 9, "ad": 1},
    "youtube/dopagaki_reel_watch_sequence_sep2026.excerpt.json": {"short": 12},
    "youtube/dopagaki_reel_item_watch_seedless_sep2026.excerpt.json": {"short": 1},
    "youtube/shorts_like_button_pressed.excerpt.html": {},
    "tiktok/kinit_item_list_11items_1ad_1live.json": {"short": 9, "ad": 1, "live": 1},
    "tiktok/kinit_item_list_5items_1ad_1paid.json": {"short": 4, "ad": 1},
    "tiktok/kinit_item_list_smallest.json": {"short": 2},
    "tiktok/metascraper_video_rendered_dec2025.html": {"short": 1},
    "tiktok/metascraper_profile_rendered_dec2025.html": {"short": 18},
    "tiktok/mryeje_explore_rendered_sep2025.html": {"short": 15},
    "tiktok/trex_search_rendered_oct2022.html": {"short": 12},
    "tiktok/captcha_puzzle_over_browse_mode_apr2025.html": {"short": 11},
    "tiktok/scrapfly_post_jan2026.json": {"short": 1},
    "tiktok/scrapfly_comments_jan2026.json": {},
    "tiktok/search_general_full_feb2026.excerpt.json": {"short": 2},
    "instagram/pgrimaud_reels_2021.json": {"short": 12},
}


def names() -> list[str]:
    if FOLDER is None:
        return []
    return sorted(
        path.relative_to(FOLDER).as_posix()
        for site in ("youtube", "tiktok", "instagram")
        for path in (FOLDER / site).iterdir()
        if path.suffix in (".html", ".json") and not path.name.endswith(".meta.json")
    )


async def found_in(name: str) -> Found:
    assert FOLDER is not None
    return await inspect_saved(read_saved(FOLDER / name), web_platform(name.partition("/")[0]))


def under(raw: Any, key: str) -> list[Any]:
    """Values of a key, by the plainest walk there is."""
    if isinstance(raw, dict):
        return [value for name, value in raw.items() if name == key] + [
            found for value in raw.values() for found in under(value, key)
        ]
    return [found for value in raw for found in under(value, key)] if isinstance(raw, list) else []


@pytest.mark.parametrize("name", names())
async def test_a_recording_holds_its_wall_its_items_and_nothing_else(name: str) -> None:
    found = await found_in(name)
    assert found.wall == (Wall(WALLS[name]) if name in WALLS else None)
    assert found.unavailable == UNAVAILABLE.get(name)
    ids = [item.platform_id for item in found.items if item.platform_id]
    assert len(ids) == len(set(ids))
    if name in KINDS:
        assert Counter(item.kind.value for item in found.items) == KINDS[name]


@pytest.mark.parametrize("name", ["np_search_all_p1.json", "np_search_all_p2.json", "np_search_rare_p1.json"])
async def test_youtubes_results_hold_exactly_the_ids_of_their_raw_json(name: str) -> None:
    assert FOLDER is not None
    raw = json.loads((FOLDER / "youtube" / name).read_text())
    shorts = {under(card, "reelWatchEndpoint")[0]["videoId"] for card in under(raw, "shortsLockupViewModel")}
    videos = under(raw, "videoRenderer")
    shorts |= {video["videoId"] for video in videos if '"SHORTS"' in json.dumps(video)}
    found = await found_in(f"youtube/{name}")
    assert {item.platform_id for item in found.items if item.kind == "short"} == shorts
    assert {item.platform_id for item in found.items} == shorts | {video["videoId"] for video in videos}


async def test_a_rendered_shelf_without_its_state_is_read_from_its_cards() -> None:
    assert FOLDER is not None
    name = "youtube/wonchoe_home_shorts_shelf_excerpt_dec2025.html"
    html = (FOLDER / name).read_text()
    found = await found_in(name)
    shorts = [item for item in found.items if item.kind == "short"]
    assert {item.platform_id for item in shorts} == set(re.findall(r'href="/shorts/([\w-]{11})"', html))
    assert all(item.caption and item.views for item in shorts)


def test_every_row_of_the_tables_is_a_recording_that_is_there() -> None:
    assert {*WALLS, *UNAVAILABLE, *KINDS} <= set(names())
    assert Path(str(FOLDER)).is_dir()
