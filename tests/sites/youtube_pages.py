"""YouTube's documents: the shell with its embedded state, result lists, and the pages of the walls."""

import base64
import html
import json
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from tests.sites.youtube_data import JSON, Item, runs, shelf, token, video, web
from tests.sites.youtube_reel import ADVERT, NOT_A_BOT, REASONS, facts, response_context

PAGES = Path(__file__).parent / "pages"
VERSION = "2.20261120.01.00"
ADDRESS = "203.0.113.7"
"""The visitor's address as the server states it (TEST-NET-3); it must never be stored."""
BEFORE = "Before you continue to YouTube"
REJECT = "Reject the use of cookies and other data for the purposes described"
ACCEPT = "Accept the use of cookies and other data for the purposes described"
SIGN_IN = "https://accounts.google.com/ServiceLogin?service=youtube&uilel=3&passive=true"
WALL_WORDS = {
    "CONSENT_TITLE": BEFORE,
    "CONSENT_REJECT": "Reject all",
    "CONSENT_ACCEPT": "Accept all",
    "BOT": NOT_A_BOT,
    "SIGN_IN_TITLE": "Sign in to continue to YouTube",
    "UNUSUAL": "Our systems have detected unusual traffic from your computer network",
    "CAPTCHA": '<div class="g-recaptcha" id="captcha-page"></div> captcha verify das_captcha',
    "RATE": "429 Too Many Requests. Please try again later.",
    "NO_RESULTS": "No results found",
    "NO_MORE": "No more results",
    "NUDGE": "Try searching to get started",
    **{f"PLAYABILITY_{name.upper()}": text for name, (_, text) in REASONS.items()},
}
"""A translation table such as every real page carries: a trap for whoever looks for walls in raw HTML."""


def embedded(value: Any) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def ytcfg(*, hl: str, gl: str, logged_in: bool, test: JSON) -> JSON:
    """`ytcfg`, with the switches of the test server where the site keeps its own."""
    client = {
        "hl": hl,
        "gl": gl,
        "remoteHost": ADDRESS,
        "visitorData": "CgtmYWtlVmlzaXRvcg%3D%3D",
        "clientName": "WEB",
        "clientVersion": VERSION,
        "platform": "DESKTOP",
    }
    return {
        "EXPERIMENT_FLAGS": test,
        "GL": gl,
        "HL": hl,
        "INNERTUBE_CONTEXT": {"client": client, "user": {"lockedSafetyMode": False}, "request": {"useSsl": True}},
        "INNERTUBE_CONTEXT_CLIENT_NAME": 1,
        "INNERTUBE_CONTEXT_CLIENT_VERSION": VERSION,
        "INNERTUBE_CONTEXT_GL": gl,
        "INNERTUBE_CONTEXT_HL": hl,
        "LOGGED_IN": logged_in,
        "SIGNIN_URL": SIGN_IN,
    }


def shell(
    script: str, title: str, cfg: JSON, data: JSON, *, player: JSON | None = None, item: Item | None = None
) -> str:
    """A document of www.youtube.com: state in scripts, and the script that draws it."""
    response = f"<script>var ytInitialPlayerResponse = {embedded(player)};</script>" if player else ""
    return Template((PAGES / "youtube_shell.html").read_text()).substitute(
        lang=cfg["HL"],
        title=html.escape(title),
        meta=microdata(item) if item else "",
        cfg=embedded(cfg),
        words=embedded(WALL_WORDS),
        data=embedded(data),
        player=response,
        script=script,
        sign_in="" if cfg["LOGGED_IN"] else f'<a aria-label="Sign in" href="{html.escape(SIGN_IN)}">Sign in</a>',
    )


def microdata(item: Item) -> str:
    about = facts(item)
    pairs = {
        "name": item.title,
        "identifier": item.id,
        "duration": f"PT{item.seconds // 60}M{item.seconds % 60}S",
        "datePublished": about["publishDate"],
        "uploadDate": about["uploadDate"],
        "genre": item.category,
    }
    lines = [f'<meta itemprop="{name}" content="{html.escape(text)}">' for name, text in pairs.items()]
    for name, count in (("LikeAction", item.likes), ("WatchAction", item.views)):
        lines.append(
            '<div itemprop="interactionStatistic" itemscope itemtype="https://schema.org/InteractionCounter">'
            f'<meta itemprop="interactionType" content="https://schema.org/{name}">'
            f'<meta itemprop="userInteractionCount" content="{count}"></div>'
        )
    return "\n".join(lines)


def token_of(value: Any) -> str:
    """A continuation token: opaque to the page, readable to the server."""
    return quote(base64.urlsafe_b64encode(json.dumps(value).encode()).decode())


def consent_bump() -> JSON:
    """The in-page dialog's data; it carries the cookie's value, and may stand on a page that shows content."""

    def button(text: str, spoken: str, action: str, cookie: str) -> JSON:
        save = {"socsCookie": cookie, "savePreferenceUrl": "https://consent.youtube.com/save?continue=x"}
        accessibility = {"accessibilityData": {"accessibilityData": {"label": spoken}}}
        return {"buttonRenderer": {"text": {"simpleText": text}, **accessibility, "command": {action: save}}}

    return {
        "consentBumpV2Renderer": {
            "interstitialTitle": runs(BEFORE),
            "customizeButton": {"buttonRenderer": {"text": {"simpleText": "More options"}}},
            "agreeButton": button("Accept all", ACCEPT, "saveConsentAction", "CAISFggDEgk"),
            "disableP13nButton": button("Reject all", REJECT, "disablePersonalizationAction", "CAESFggDEgk"),
        }
    }


def topbar(country: str, *, consent: bool) -> JSON:
    bar: JSON = {"searchbox": {"fusionSearchboxRenderer": {"placeholderText": runs("Search")}}, "countryCode": country}
    if consent:
        bar["interstitial"] = consent_bump()
    return {"desktopTopbarRenderer": bar}


def results_data(contents: list[JSON], continuation: str | None, *, estimated: int) -> JSON:
    """`ytInitialData` of the first page of results."""
    sections: list[JSON] = [{"itemSectionRenderer": {"contents": contents}}]
    if continuation:
        sections.append(more(continuation))
    listed = {"sectionListRenderer": {"contents": sections, "hideBottomSeparator": True, "targetId": "search-feed"}}
    return {
        "responseContext": response_context(),
        "estimatedResults": str(estimated),
        "contents": {"twoColumnSearchResultsRenderer": {"primaryContents": listed}},
        "targetId": "search-page",
    }


def next_results(contents: list[JSON], continuation: str | None, *, estimated: int) -> JSON:
    """The answer to a continuation of a search."""
    items: list[JSON] = [{"itemSectionRenderer": {"contents": contents}}]
    if continuation:
        items.append(more(continuation))
    action = {"continuationItems": items, "targetId": "search-feed"}
    return {
        "responseContext": response_context(),
        "estimatedResults": str(estimated),
        "onResponseReceivedCommands": [{"clickTrackingParams": "CAIQ", "appendContinuationItemsAction": action}],
    }


def more(continuation: str) -> JSON:
    command = {"token": continuation, "request": "CONTINUATION_REQUEST_TYPE_SEARCH"}
    return {
        "continuationItemRenderer": {
            "trigger": "CONTINUATION_TRIGGER_ON_ITEM_SHOWN",
            "continuationEndpoint": {
                "commandMetadata": {"webCommandMetadata": {"sendPost": True, "apiUrl": "/youtubei/v1/search"}},
                "continuationCommand": command,
            },
        }
    }


def no_results() -> JSON:
    return {
        "backgroundPromoRenderer": {
            "title": runs("No results found"),
            "bodyText": runs("Try different keywords or remove search filters"),
            "icon": {"iconType": "EMPTY_SEARCH"},
        }
    }


def no_more() -> JSON:
    return {"messageRenderer": {"text": runs("No more results")}}


def advert(ad: Item) -> JSON:
    """An advertisement among the results. It names a video, which is none of the results."""
    layout = {
        "title": {"content": ad.title},
        "badge": {"adBadgeViewModel": {"label": {"content": "Sponsored"}}},
        "button": {"adButtonViewModel": {"onTap": {"innertubeCommand": {"urlEndpoint": ADVERT}}}},
        "watch": {
            "commandMetadata": web(f"/watch?v={ad.id}", "WATCH", 3832),
            "watchEndpoint": {"videoId": ad.id},
        },
    }
    content = {"fulfilledLayout": {"inFeedAdLayoutRenderer": {"renderingContent": layout}}}
    return {"adSlotRenderer": {"adSlotMetadata": {"slotType": "SLOT_TYPE_IN_FEED"}, "fulfillmentContent": content}}


def channel_line(topic: str) -> JSON:
    name = f"The {topic} channel"
    return {"channelRenderer": {"channelId": "UC" + token(topic, 22), "title": {"simpleText": name}}}


def shorts_page(items: list[Item], ad: Item, hl: str) -> list[JSON]:
    """One page under the Shorts filter: shelves of ten, and an advertisement between them."""
    contents = [shelf(items[start : start + 10], hl) for start in range(0, len(items), 10)]
    if contents:
        contents.insert(1, advert(ad))
    return contents


def plain_page(items: list[Item], long: list[Item], ad: Item, query: str, hl: str, now: datetime) -> list[JSON]:
    """One page of the plain search: long videos, some shorts among them, two shelves, a channel, an advertisement."""
    lines = [item for item in items if not item.unavailable][:5]
    shelved = [item for item in items if item not in lines]
    contents = [channel_line(query), advert(ad)]
    for place, item in enumerate(long):
        contents.append(video(item, hl, now, short=False))
        if place % 2 and lines:
            contents.append(video(lines.pop(0), hl, now, short=True))
        if place in (1, 6) and shelved:
            contents.append(shelf(shelved[:5], hl))
            shelved = shelved[5:]
    return contents


def home_data() -> JSON:
    nudge = {
        "title": runs("Try searching to get started"),
        "subtitle": runs("Start watching videos to help us build a feed of videos you'll love."),
    }
    grid = {"richGridRenderer": {"contents": [{"richItemRenderer": {"content": {"feedNudgeRenderer": nudge}}}]}}
    tab = {"tabRenderer": {"selected": True, "content": grid}}
    return {"responseContext": response_context(), "contents": {"twoColumnBrowseResultsRenderer": {"tabs": [tab]}}}


def elsewhere(address: str, cookie: str = "") -> str:
    """A redirect. Real ones are answers of status 302, whose target the browser's routing would not hand to us."""
    put = f"document.cookie = {embedded(cookie)};" if cookie else ""
    return f"<!DOCTYPE html><title>Redirecting</title><script>{put}location.replace({embedded(address)});</script>"


def consent_page(address: str) -> str:
    return Template((PAGES / "youtube_consent.html").read_text()).substitute(
        title=BEFORE, reject=REJECT, accept=ACCEPT, address=html.escape(address), sign_in=html.escape(SIGN_IN)
    )


def sorry_page(address: str) -> str:
    return Template((PAGES / "youtube_sorry.html").read_text()).substitute(address=html.escape(address))


def captcha_page(address: str) -> str:
    return Template((PAGES / "youtube_captcha.html").read_text()).substitute(address=html.escape(address))
