"""YouTube Shorts: search with the Shorts filter (the plain search as back-up), and the vertical feed.

Facts and their proof: the `proof` of each entry names a recording or the dated source. The rendered Shorts player
was never recorded; what is known of it comes from maintained tools' code of 2026, each independent of the others.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import quote, quote_plus, unquote

from agent.platforms.base import REST, RESTS, Pace, SiteFacts, Wall
from agent.platforms.page import Selector, Sign, State
from agent.platforms.page_data import merged
from agent.platforms.reading import at, clock_seconds, count, find, first, hashtags, moment, text, unique, whole
from agent.platforms.web import WebPlatform
from storage.records import Kind, Record

SITE = "https://www.youtube.com"
# protobuf: type 9 is Shorts; the upload date stands before it. YouTube's own links are encoded twice.
FILTERS = {None: "EgIQCQ==", "today": "EgQIAhAJ", "week": "EgQIAxAJ", "month": "EgQIBBAJ", "year": "EgQIBRAJ"}
PLAIN_DATES = {"today": "EgIIAg==", "week": "EgIIAw==", "month": "EgIIBA==", "year": "EgIIBQ=="}
LONGEST_SHORT = 180
"""Seconds. A video beyond it is no Short, whatever data it stood in."""
CARDS = ("shortsLockupViewModel", "reelItemRenderer", "videoRenderer", "videoWithContextRenderer", "lockupViewModel")
ADS = ("adSlotRenderer", "promotedVideoRenderer", "shortsAdsRenderer")
SEQUENCE = "reelWatchEndpoint"
UNAVAILABLE_WORDS = {  # playabilityStatus.reason in English, and the words that its translations keep
    "private": r"private|privat|privado|privée|非公開|비공개",
    "age": r"inappropriate for some users|confirm you(r age|.re old enough)|age.restricted",
    "region": r"in your (country|region|location)|in deinem land|dans votre pays|en tu país",
}

_SHOWN = """
() => {
  const path = location.pathname.match(/^\\/shorts\\/([\\w-]{11})$/), id = path && path[1];
  const visible = element => {
    const {top, bottom, height, width} = element.getBoundingClientRect();
    return height > 50 && width > 50 && top < innerHeight / 2 && bottom > innerHeight / 2;
  };
  const reels = [...document.querySelectorAll('ytd-reel-video-renderer')];
  const slot = reels.find(reel => reel.querySelector('#shorts-player') && visible(reel))
    ?? reels.find(reel => [...reel.querySelectorAll('video')].some(visible))
    ?? document.querySelector('ytd-reel-video-renderer[is-active]');
  if (!id || !slot) return null;
  const named = new Set([slot.getAttribute('video-id'),
    ...[...slot.querySelectorAll('a.ytp-title-link[href*="/shorts/"], a.ytp-title-link[href*="v="]')]
      .map(link => (link.href.match(/(?:shorts\\/|v=)([\\w-]{11})/) || [])[1])].filter(Boolean));
  if (named.size > 1 || (named.size && !named.has(id))) return null;  // the address moves before the reel does
  const video = slot.querySelector('#shorts-player video')
    ?? [...slot.querySelectorAll('video')].find(visible) ?? null;
  const ad = Boolean(slot.querySelector('ytd-ad-slot-renderer, ad-button-view-model, ad-badge-view-model'));
  if (!video && !ad) return null;
  const {x, y, width, height} = (slot.querySelector('#shorts-player') ?? video ?? slot).getBoundingClientRect();
  return {place: id, id, video, slot, ad, box: {x, y, width, height}};
}
"""
_CARDS = """
() => [...document.querySelectorAll('a[href^="/shorts/"], ytd-ad-slot-renderer a[href*="watch?v="]')].map(link => {
  const card = link.closest('ytm-shorts-lockup-view-model, ytd-reel-item-renderer, ytd-video-renderer, ' +
    'ytd-rich-item-renderer, ytd-ad-slot-renderer') ?? link;
  const title = card.querySelector('h3 a[title], a[title]'), views = card.querySelector(
    '.shortsLockupViewModelHostMetadataSubhead, .shortsLockupViewModelHostOutsideMetadataSubhead, #metadata-line span');
  return {href: link.getAttribute('href'), title: title?.title || title?.textContent || null,
          views: views?.textContent ?? null, ad: Boolean(link.closest('ytd-ad-slot-renderer'))};
})
"""


class YouTube(WebPlatform):
    """YouTube on the desktop web, logged out or in a profile of one's own."""

    name: ClassVar[str] = "youtube"
    hosts: ClassVar[tuple[str, ...]] = ("www.youtube.com", "m.youtube.com")
    pace: ClassVar[Pace] = Pace(min_delay=4.0, views_per_hour=360, rest=REST, rests=RESTS)
    example: ClassVar[str] = f"{SITE}/shorts/dQw4w9WgXcQ"
    start_address: ClassVar[str] = f"{SITE}/"
    feed_address: ClassVar[str] = f"{SITE}/shorts/"
    short_address: ClassVar[str] = SITE + "/shorts/{id}"
    endpoints: ClassVar[Mapping[str, str]] = {
        "/youtubei/v1/search": "search",
        "/youtubei/v1/reel/reel_item_watch": "reel_item_watch",
        "/youtubei/v1/reel/reel_watch_sequence": "reel_watch_sequence",
        "/youtubei/v1/player": "player",
    }
    marks: ClassVar[tuple[str, ...]] = ("<ytd-", "<ytm-shorts-lockup", "<like-button-view-model")
    lists: ClassVar[frozenset[str]] = frozenset({"search", "ytInitialData"})
    feed_lists: ClassVar[frozenset[str]] = frozenset({"reel_watch_sequence"})
    states: ClassVar[tuple[State, ...]] = (
        State(kind="ytcfg", name="ytcfg.set", proof="R metascraper_watch_jan2026"),
        State(kind="ytInitialPlayerResponse", name="ytInitialPlayerResponse", proof="R metascraper_watch_jan2026"),
        State(kind="ytInitialData", name="ytInitialData", proof="R np_results_page_jan2026"),
    )
    signs: ClassVar[tuple[Sign, ...]] = (
        Sign(
            wall=Wall.CONSENT,
            css='form[action^="https://consent."] :is(button, input[type="submit"])',
            reject='form[action^="https://consent."]:has(input[name="set_eom"][value="true"]) button, '
            'button[aria-label^="Reject"]',
            proof="R jd_consent_page_2021_de; the reject form of today is unproven",
        ),
        Sign(
            wall=Wall.CONSENT,
            css="ytd-consent-bump-v2-lightbox button",
            reject='ytd-consent-bump-v2-lightbox button[aria-label^="Reject"]',
            proof="R np_results_page_jan2026 (state), facts 1.5",
        ),
        Sign(wall=Wall.CAPTCHA, url=r"google\.[a-z.]+/sorry/", proof="facts 1.5"),
        Sign(wall=Wall.CAPTCHA, css="#captcha-page", proof="R jd_recaptcha_too_many_requests_2021"),
        Sign(wall=Wall.CAPTCHA, css='form[action*="das_captcha"]', proof="R jd_recaptcha_too_many_requests_2021"),
        Sign(wall=Wall.CAPTCHA, css=".g-recaptcha, form#captcha-form", proof="R jd_recaptcha_too_many_requests_2021"),
        Sign(
            wall=Wall.BOT_CHECK,
            css="yt-player-error-message-renderer, ytd-player-error-message-renderer, .ytp-error",
            text=r"not a bot",
            proof="R jd_innertube_bot_wall_2025 (its text)",
        ),
        Sign(wall=Wall.LOGIN, url=r"accounts\.google\.com/", proof="facts 1.5"),
        Sign(
            wall=Wall.LOGIN,
            css="yt-upsell-dialog-renderer, ytd-modal-with-title-and-button-renderer, tp-yt-paper-dialog[role=dialog]",
            text=r"sign in",
            proof="R dopagaki_reel_item_watch_seedless_sep2026 (modalWithTitleAndButtonRenderer)",
        ),
    )
    selectors: ClassVar[Mapping[str, tuple[Selector, ...]]] = {
        "card": (
            Selector('a[href^="/shorts/"]', "R wonchoe_home_shorts_shelf_excerpt_dec2025"),
            Selector("ytm-shorts-lockup-view-model", "R wonchoe_home_shorts_shelf_excerpt_dec2025"),
            Selector('ytd-video-renderer:has(a[href^="/shorts/"])', "facts 1.2"),
        ),
        "slot": (Selector("ytd-reel-video-renderer", "facts 1.3 [2026]"),),
        "video": (Selector("#shorts-player video", "facts 1.3 [2026]"), Selector("ytd-shorts video")),
        "action_bar": (
            Selector("reel-action-bar-view-model", "facts 1.3 [2026]"),
            Selector("#button-bar", "facts 1.3"),
        ),
        "like": (
            Selector("like-button-view-model button[aria-pressed]", "R shorts_like_button_pressed.excerpt"),
            Selector("#like-button button[aria-pressed]", "facts 1.3 (old)"),
        ),
        "next": (
            Selector("#navigation-button-down button", "facts 1.3 [2026]"),
            Selector('button[aria-label="Next video"]', "facts 1.3"),
        ),
        "close": (
            Selector('ytd-engagement-panel-section-list-renderer[visibility*="EXPANDED"] #visibility-button button'),
        ),
        "nothing_found": (
            Selector("ytd-search ytd-background-promo-renderer"),
            Selector("ytd-search ytd-message-renderer", "R np_search_rare_p2_end (messageRenderer)"),
        ),
    }
    shown_script: ClassVar[str] = _SHOWN
    cards_script: ClassVar[str] = _CARDS

    def search_addresses(self, keyword: str) -> Sequence[str]:
        asked = f"{SITE}/results?search_query={quote_plus(keyword)}"
        plain = PLAIN_DATES.get(self.published or "")
        return (
            f"{asked}&sp={quote(quote(FILTERS[self.published]))}",
            asked + (f"&sp={quote(quote(plain))}" if plain else ""),
        )

    @staticmethod
    def parse(raw: Any, kind: str) -> list[Record]:
        """Records of `ytInitialData`, `search`, `reel_item_watch`, `reel_watch_sequence`, player responses and cards.

        Read by the names of YouTube's renderers, wherever they stand; `kind` matters for `cards` only.
        """
        if kind == "cards":
            return _of_cards(raw)
        if kind == "ytcfg":
            return []
        found: dict[str, Record] = {}
        nameless: list[Record] = []
        for record in _records(raw):
            if record.platform_id is None:
                nameless.append(record)
                continue
            found[record.platform_id] = merged(record, found.get(record.platform_id))
        return [*found.values(), *nameless]

    @staticmethod
    def wall_in(raw: Any, kind: str) -> Wall | None:
        for status in _statuses(raw):
            if _says(status, r"not a bot") or "answer/3037019" in str(status.get("errorScreen")):
                return Wall.BOT_CHECK
        if kind != "cards" and first(raw, "consentBumpV2Renderer") is not None and not YouTube.parse(raw, kind):
            return Wall.CONSENT
        return None

    @staticmethod
    def ended_in(raw: Any, kind: str) -> bool:
        return next(find(raw, "continuationItemRenderer"), None) is None

    @staticmethod
    def facts_in(raw: Any, kind: str) -> SiteFacts | None:
        if kind != "ytcfg" or not isinstance(raw, dict):
            return None
        client = at(raw, "INNERTUBE_CONTEXT", "client")
        logged_in = raw.get("LOGGED_IN")
        return SiteFacts(
            country=text(raw.get("GL")) or text(at(client, "gl")),
            language=text(raw.get("HL")) or text(at(client, "hl")),
            logged_in=logged_in if isinstance(logged_in, bool) else None,
        )


def _records(raw: Any) -> Iterator[Record]:
    """Every item in page order: the watched one first, then cards and the coming sequence."""
    yield from _watched(raw)
    for name, item in find(raw, *CARDS, *ADS, SEQUENCE, "entries"):
        if name in ADS:
            yield Record(platform="youtube", platform_id=_id(first(item, "videoId")), kind=Kind.AD)
        elif name == "entries":
            yield from (_coming(entry) for entry in item if first(entry, SEQUENCE, ADS[-1])) if item else ()
        elif name == SEQUENCE:
            if record_id := _id(at(item, "videoId")):
                yield _short(record_id)
        elif (record := _card(name, item)) is not None:
            yield record


def _watched(raw: Any) -> Iterator[Record]:
    """The short that an answer or a page is about: player response, overlay and panels together."""
    about = next((cause for status in _statuses(raw) if (cause := _unavailable(status))), None)
    player = raw if isinstance(raw, dict) and "videoDetails" in raw else first(raw, "playerResponse")
    if isinstance(player, dict) and isinstance(player.get("videoDetails"), dict):
        state = at(player, "playabilityStatus", "status")
        yield _of_player(player, None if (state, about) == ("UNPLAYABLE", "removed") else about)  # does not say why
    elif about is not None:
        yield Record(platform="youtube", platform_id=None, unavailable=about)
    overlay = raw.get("overlay") if isinstance(raw, dict) else None
    target = _id(at(first(overlay, "target"), "videoId")) or _id(at(raw, "replacementEndpoint", SEQUENCE, "videoId"))
    if target is not None:
        yield _of_overlay(target, raw)


def _statuses(raw: Any) -> Iterator[dict[str, Any]]:
    for _, status in find(raw, "playabilityStatus"):
        if isinstance(status, dict):
            yield status
    if next(find(raw, "channelAgeGateRenderer"), None) is not None:
        yield {"status": "AGE_CHECK_REQUIRED"}


def _says(status: Mapping[str, Any], words: str) -> bool:
    said = [status.get("reason"), *(status.get("messages") or ())]
    return any(re.search(words, reason, re.IGNORECASE) for reason in said if isinstance(reason, str))


def _unavailable(status: Mapping[str, Any]) -> str | None:
    """age, private, removed or region; None for what can be played, and for a wall (which is not the short's)."""
    state = status.get("status")
    if state in (None, "OK", "LIVE_STREAM_OFFLINE") or _says(status, "not a bot"):
        return None
    if state in ("AGE_CHECK_REQUIRED", "AGE_VERIFICATION_REQUIRED", "CONTENT_CHECK_REQUIRED"):
        return "age"
    for cause, words in UNAVAILABLE_WORDS.items():
        if _says(status, words):
            return cause
    if state == "LOGIN_REQUIRED":
        return "age" if "desktopLegacyAgeGateReason" in status else None
    return "removed"


def _of_player(player: Mapping[str, Any], unavailable: str | None) -> Record:
    details, more = player["videoDetails"], at(player, "microformat", "playerMicroformatRenderer")
    seconds = whole(details.get("lengthSeconds"))
    eligible = at(more, "isShortsEligible")
    kind = Kind.VIDEO if eligible is False or (eligible is None and (seconds or 0) > LONGEST_SHORT) else Kind.SHORT
    if details.get("isLive") is True or at(more, "liveBroadcastDetails", "isLiveNow") is True:
        kind = Kind.LIVE
    parts = unique([text(details.get("title")), text(details.get("shortDescription"))])
    tracks = first(player.get("captions"), "captionTracks") or []
    spoken = [at(track, "languageCode") for track in tracks if at(track, "kind") == "asr"]
    return Record(
        platform="youtube",
        platform_id=_id(details.get("videoId")),
        kind=kind,
        url=_address(details.get("videoId"), kind),
        caption="\n\n".join(parts) or None,
        author=_handle(at(more, "ownerProfileUrl")),
        hashtags=hashtags(*parts),
        duration=float(seconds) if seconds else None,
        published=moment(at(more, "publishDate")),
        views=whole(details.get("viewCount")),
        likes=whole(at(more, "likeCount")),
        language=text(spoken[0]) if spoken else None,
        paid_partnership=True if "paidContentOverlay" in player else None,
        unavailable=unavailable,
        extra={"subtitle_languages": codes} if (codes := unique(at(track, "languageCode") for track in tracks)) else {},
    )


def _of_overlay(short_id: str, raw: Any) -> Record:
    """Title, counts and date of the reel player's overlay and panels; counts exact where they are said aloud."""
    found = [(name, at(button, name) or button) for name, button in find(raw, "buttonViewModel")]
    buttons = {at(button, "accessibilityId"): button for _, button in found}
    like, comment = buttons.get("id.reel_like_button"), buttons.get("id.reel_comment_button")
    about = first(raw, "videoDescriptionHeaderRenderer")
    title = _words(at(first(raw, "shortsVideoTitleViewModel"), "text")) or _words(at(about, "title"))
    return _short(
        short_id,
        caption=title,
        author=_handle(_words(at(first(raw, "reelChannelBarViewModel"), "channelName"))),
        hashtags=hashtags(title),
        published=moment((_words(at(about, "publishDate")) or "").replace("/", "-")),
        views=count(_words(at(about, "views"))),
        likes=whole(first(raw, "likeCount")) or _counted(like),
        comments=_counted(comment),
        sound=next((text(at(b, "title")) for _, b in found if "/source/" in str(at(b, "onTap"))), None),
        ai_generated=True if first(raw, "howThisWasMadeSectionViewModel") is not None else None,
    )


def _counted(button: Any) -> int | None:
    exact = count(at(button, "accessibilityText"))
    return count(at(button, "title")) if exact is None else exact


def _coming(entry: Mapping[str, Any]) -> Record:
    endpoint = first(entry, SEQUENCE)
    is_ad = at(endpoint, "adClientParams", "isAd") is True or first(entry, "shortsAdsRenderer") is not None
    short_id = _id(at(endpoint, "videoId"))
    return Record(
        platform="youtube",
        platform_id=short_id,
        kind=Kind.AD if is_ad else Kind.SHORT,
        url=_address(short_id, Kind.SHORT),
    )


def _card(name: str, item: Any) -> Record | None:
    """A card of a result list; None where it is no video's (a channel, a playlist)."""
    short_id = _id(at(first(item, SEQUENCE), "videoId")) or _id(at(item, "videoId")) or _id(at(item, "contentId"))
    if short_id is None or "PLAYLIST" in str(at(item, "contentType")):
        return None
    styles = [value for _, value in find(item, "style", "overlayStyle", "contentType")]
    is_short = name in CARDS[:2] or first(item, SEQUENCE) is not None or any("SHORTS" in str(style) for style in styles)
    title = _words(at(item, "overlayMetadata", "primaryText") or at(item, "title") or at(item, "headline"))
    title = title or _words(first(at(item, "metadata"), "title"))
    spoken = text(at(item, "accessibilityText")) or ""
    seen = _words(at(item, "overlayMetadata", "secondaryText") or at(item, "viewCountText"))
    seen = seen or (spoken.removeprefix(title or "") if title else None)
    kind = Kind.SHORT if is_short else Kind.VIDEO
    return Record(
        platform="youtube",
        platform_id=short_id,
        kind=kind,
        url=_address(short_id, kind),
        caption=title,
        author=_handle(first(item, "canonicalBaseUrl")),
        hashtags=hashtags(title),
        duration=clock_seconds(_words(at(item, "lengthText"))),
        views=count(seen),
    )


def _of_cards(cards: Any) -> list[Record]:
    found: dict[str, Record] = {}
    for card in cards if isinstance(cards, list) else ():
        link = re.match(r"(?:/shorts/|/watch\?v=)([\w-]{11})", str(at(card, "href")))
        if link is not None:
            title = text(at(card, "title"))
            seen = _short(link[1], caption=title, hashtags=hashtags(title), views=count(at(card, "views")))
            seen = replace(seen, kind=Kind.AD if at(card, "ad") else Kind.SHORT)
            found[link[1]] = merged(seen, found.get(link[1]))
    return list(found.values())


def _short(short_id: str, **fields: Any) -> Record:
    return Record(platform="youtube", platform_id=short_id, url=_address(short_id, Kind.SHORT), **fields)


def _id(raw: Any) -> str | None:
    return raw if isinstance(raw, str) and re.fullmatch(r"[\w-]{11}", raw, re.ASCII) else None


def _address(short_id: Any, kind: Kind) -> str | None:
    return None if _id(short_id) is None else f"{SITE}/{'watch?v=' if kind is Kind.VIDEO else 'shorts/'}{short_id}"


def _handle(raw: Any) -> str | None:
    """The name behind `@`, out of an address or a label."""
    match = re.search(r"@([^/?#\s]+)", unquote(raw)) if isinstance(raw, str) else None
    return match[1] if match else None


def _words(raw: Any) -> str | None:
    """YouTube's texts: `simpleText`, `content`, or `runs` in a row."""
    if isinstance(raw, str):
        return text(raw)
    runs = at(raw, "runs")
    if isinstance(runs, list):
        return text("".join(str(at(run, "text") or "") for run in runs))
    return text(at(raw, "simpleText")) or text(at(raw, "content"))
