"""The JSON of one short on screen: player response, overlay, panels, and the sequence that follows it."""

from datetime import datetime
from typing import Any

from storage.records import Kind
from tests.sites.youtube_data import (
    JSON,
    LETTERS,
    PACIFIC,
    Item,
    abbreviated,
    ago,
    label,
    reel_endpoint,
    runs,
    spelt,
    token,
    web,
)

UPPER = LETTERS["en"]
ADVERT = {"url": "https://www.googleadservices.com/pagead/aclk?sa=L&ai=abc"}
NOT_A_BOT = "Sign in to confirm you’re not a bot"
REASONS = {
    "private": ("LOGIN_REQUIRED", "This video is private"),
    "removed": ("ERROR", "This video is unavailable"),
    "region": ("UNPLAYABLE", "The uploader has not made this video available in your country"),
    "age": ("LOGIN_REQUIRED", "This video may be inappropriate for some users."),
    "bot_check": ("LOGIN_REQUIRED", NOT_A_BOT),
}
SUBREASONS = {
    "private": "If the owner of this video has granted you access, please sign in.",
    "bot_check": "This helps protect our community. ",
}


def response_context() -> JSON:
    return {"visitorData": "CgtmYWtlVmlzaXRvcg%3D%3D", "serviceTrackingParams": []}


def unplayable(reason: str) -> JSON:
    """Player response of a short that is not shown; no details of the video come with it."""
    status, text = REASONS[reason]
    message: JSON = {"reason": runs(text), "icon": {"iconType": "ERROR_OUTLINE"}}
    if reason in SUBREASONS:
        message["subreason"] = runs(SUBREASONS[reason])
    return {
        "responseContext": response_context(),
        "playabilityStatus": {
            "status": status,
            "reason": text,
            "errorScreen": {"playerErrorMessageRenderer": message},
            "contextParams": "Q0FFU0FnZ0M=",
        },
    }


def player_response(item: Item, *, microformat: bool = True) -> JSON:
    """Player response of a short that plays. Without `microformat` as the apps get it: no likes, no dates."""
    answer: JSON = {
        "responseContext": response_context(),
        "playabilityStatus": {"status": "OK", "playableInEmbed": True, "contextParams": "Q0FFU0FnZ0M="},
        "streamingData": {
            "expiresInSeconds": "21540",
            "formats": [
                {
                    "itag": 18,
                    "url": f"https://www.youtube.com/videoplayback?id={item.id}",
                    "mimeType": 'video/webm; codecs="vp8"',
                    "approxDurationMs": str(item.seconds * 1000),
                }
            ],
        },
        "videoDetails": {
            "videoId": item.id,
            "title": item.title,
            "lengthSeconds": str(item.seconds),
            "keywords": [item.topic, "short"],
            "channelId": item.channel_id,
            "isOwnerViewing": False,
            "shortDescription": item.description,
            "isCrawlable": True,
            "allowRatings": True,
            "viewCount": str(item.views),
            "author": item.channel,
            "isPrivate": False,
            "isUnpluggedCorpus": False,
            "isLiveContent": False,
        },
    }
    if item.language:
        answer["captions"] = captions(item)
    if item.paid:
        answer["paidContentOverlay"] = {
            "paidContentOverlayRenderer": {
                "text": {"simpleText": "Includes paid promotion"},
                "durationMs": "10000",
                "icon": {"iconType": "MONEY_HAND"},
            }
        }
    if microformat and item.kind is Kind.SHORT:
        answer["microformat"] = {"playerMicroformatRenderer": facts(item)}
    return answer


def captions(item: Item) -> JSON:
    """The speech's own language is that of the automatic track; one short in two has a translation before it."""
    address = f"https://www.youtube.com/api/timedtext?v={item.id}&lang="
    tracks = [
        {
            "baseUrl": address + (item.language or ""),
            "name": {"simpleText": f"{item.language} (auto-generated)"},
            "vssId": f"a.{item.language}",
            "languageCode": item.language,
            "kind": "asr",
            "isTranslatable": True,
            "trackName": "",
        }
    ]
    if item.seconds % 2:
        tracks.insert(
            0,
            {
                "baseUrl": address + "ko",
                "name": {"simpleText": "Korean"},
                "vssId": ".ko",
                "languageCode": "ko",
                "isTranslatable": True,
                "trackName": "",
            },
        )
    return {"playerCaptionsTracklistRenderer": {"captionTracks": tracks, "defaultAudioTrackIndex": 0}}


def facts(item: Item) -> JSON:
    date = item.published.astimezone(PACIFIC).isoformat()
    return {
        "title": {"simpleText": item.title},
        "description": {"simpleText": item.description},
        "lengthSeconds": str(item.seconds),
        "ownerProfileUrl": f"http://www.youtube.com{item.at}",
        "externalChannelId": item.channel_id,
        "isFamilySafe": True,
        "availableCountries": ["AD", "AE"],
        "isUnlisted": False,
        "hasYpcMetadata": False,
        "viewCount": str(item.views),
        "category": item.category,
        "publishDate": date,
        "ownerChannelName": item.channel,
        "uploadDate": date,
        "isShortsEligible": True,
        "externalVideoId": item.id,
        "likeCount": str(item.likes),
        "canonicalUrl": f"https://www.youtube.com/shorts/{item.id}",
    }


def reel(item: Item, now: datetime, *, sequence: str, logged_in: bool, liked: bool) -> JSON:
    """What is drawn over a short: the answer of `reel_item_watch` without its player response, and `ytInitialData`."""
    endpoint = reel_endpoint(item.id, ad=item.kind is Kind.AD)
    answer: JSON = {
        "responseContext": response_context(),
        "status": "REEL_ITEM_WATCH_STATUS_SUCCEEDED",
        "replacementEndpoint": endpoint,
        "sequenceContinuation": sequence,
    }
    if item.kind is Kind.AD:
        button = {"buttonViewModel": {"title": "Shop now", "onTap": {"innertubeCommand": {"urlEndpoint": ADVERT}}}}
        badge = {"adBadgeViewModel": {"label": {"content": "Sponsored"}}}
        answer["overlay"] = {"shortsAdsRenderer": {"adBadge": badge, "button": button}}
        return answer
    header = {
        "timestampText": runs(ago(item.published, now)),
        "accessibility": label(f"{item.title} @{item.handle} {ago(item.published, now)}"),
    }
    answer["overlay"] = {
        "reelPlayerOverlayRenderer": {
            "reelPlayerHeaderSupportedRenderers": {"reelPlayerHeaderRenderer": header},
            "style": "REEL_PLAYER_OVERLAY_STYLE_SHORTS",
            "doubleTapLikeButton": {"likeButtonRenderer": like_counts(item, liked)},
            "playerOverlay": {
                "reelPlayerOverlayViewModel": {
                    "metapanel": {"reelMetapanelViewModel": {"metadataItems": metapanel(item)}},
                    "actionBar": {"reelActionBarViewModel": {"buttonViewModels": buttons(item, logged_in, liked)}},
                }
            },
        }
    }
    answer["engagementPanels"] = panels(item)
    return answer


def likes_text(number: int) -> str:
    return f"{number:,} likes"


def along_with(number: int) -> str:
    return f"like this video along with {spelt(number) if number >= 10000 else f'{number:,}'} other people"


def like_counts(item: Item, liked: bool) -> JSON:
    return {
        "target": {"videoId": item.id},
        "likeStatus": "LIKE" if liked else "INDIFFERENT",
        "likeCount": item.likes,
        "likeCountText": {**runs(abbreviated(item.likes, UPPER)), "accessibility": label(along_with(item.likes))},
        "likesAllowed": True,
        "hideDislikeButton": True,
    }


def metapanel(item: Item) -> list[JSON]:
    command = {
        "commandMetadata": web(f"{item.at}/shorts", "CHANNEL", 3611),
        "browseEndpoint": {"browseId": item.channel_id, "canonicalBaseUrl": f"{item.at}/shorts"},
    }
    name = f"@{item.handle}"
    run = {"startIndex": 0, "length": len(name), "onTap": {"innertubeCommand": command}}
    items: list[JSON] = [
        {
            "reelChannelBarViewModel": {
                "decoratedAvatarViewModel": {"decoratedAvatarViewModel": {"a11yLabel": f"Go to channel {name}"}},
                "channelName": {"content": name, "commandRuns": [run]},
                "subscribeButtonViewModel": {"buttonViewModel": {"title": "Subscribe"}},
            }
        },
        {"shortsVideoTitleViewModel": {"text": {"content": item.title}, "maxLines": 1}},
    ]
    if item.sound:
        related = {"title": "Another short of ours", "command": reel_endpoint(token(f"related {item.id}"))}
        sound = {
            "title": item.sound,
            "command": {"commandMetadata": web(f"/source/{token(item.sound)}/shorts", "SHORTS", 37414)},
        }
        items.append({"reelCarouselViewModel": {"buttonViewModels": [carousel(related), carousel(sound)]}})
    return items


def carousel(button: JSON) -> JSON:
    model = {"title": button["title"], "onTap": {"innertubeCommand": button["command"]}}
    return {"reelCarouselButtonViewModel": {"buttonViewModel": {"buttonViewModel": model}}}


def buttons(item: Item, logged_in: bool, liked: bool) -> list[JSON]:
    """The action bar: like, comments unless switched off, share, sound if there is one."""
    modal = {
        "modalWithTitleAndButtonRenderer": {
            "title": runs("Like this video?"),
            "content": runs("Sign in to make your opinion count."),
            "button": {"buttonRenderer": {"text": {"simpleText": "Sign in"}}},
        }
    }
    refused = {"commandMetadata": {"webCommandMetadata": {"ignoreNavigation": True}}, "modalEndpoint": {"modal": modal}}
    accepted = {"likeEndpoint": {"target": {"videoId": item.id}}}
    tap = {"innertubeCommand": accepted if logged_in else refused}

    def like(number: int, text: str, name: str) -> JSON:
        return {
            "buttonViewModel": {
                "iconName": "FULL_HEART" if name == "like_toggled" else "EMPTY_HEART",
                "title": abbreviated(number, UPPER),
                "onTap": tap,
                "accessibilityText": text,
                "accessibilityId": f"id.reel_{name}_button",
            }
        }

    toggle = {
        "defaultButtonViewModel": like(item.likes, along_with(item.likes), "like"),
        "toggledButtonViewModel": like(item.likes + 1, likes_text(item.likes + 1), "like_toggled"),
        "isToggled": liked,
        "isTogglingDisabled": not logged_in,
    }
    bar: list[JSON] = [
        {"likeButtonViewModel": {"toggleButtonViewModel": {"toggleButtonViewModel": toggle}}},
    ]
    if item.comments is not None:
        text = f"View {item.comments:,} comments"
        bar.append(action("SHORTS_COMMENT", abbreviated(item.comments, UPPER), text, "comment"))
    bar.append(action("SHORTS_SHARE", "Share", "Share", "share"))
    if item.sound:
        pivot = {
            "contentDescription": "See more videos using this sound",
            "soundAttributionTitle": {"content": item.sound},
            "waveformAnimationStyle": "WAVEFORM_ANIMATION_STYLE_DEFAULT",
        }
        bar.append({"pivotButtonViewModel": pivot})
    return bar


def action(icon: str, title: str, text: str, name: str) -> JSON:
    return {
        "buttonViewModel": {
            "iconName": icon,
            "title": title,
            "accessibilityText": text,
            "accessibilityId": f"id.reel_{name}_button",
        }
    }


def panels(item: Item) -> list[JSON]:
    def panel(title: JSON, tag: str, **more: Any) -> JSON:
        identifier = {"surface": "ENGAGEMENT_PANEL_SURFACE_SHORTS", "tag": tag}
        header = {"engagementPanelTitleHeaderRenderer": title}
        return {"engagementPanelSectionListRenderer": {"header": header, "identifier": identifier, **more}}

    def factoid(value: str, name: str, text: str) -> JSON:
        return {"factoidRenderer": {"value": runs(value), "label": runs(name), "accessibilityText": text}}

    date = item.published.astimezone(PACIFIC)
    views, likes = f"{item.views:,}", abbreviated(item.likes, UPPER)
    status = {"likeStatus": "INDIFFERENT"}
    sentiment = {
        "likeStatusEntity": status,
        "factoidIfLiked": factoid(abbreviated(item.likes + 1, UPPER), "Likes", likes_text(item.likes + 1)),
        "factoidIfIndifferent": factoid(likes, "Likes", likes_text(item.likes)),
    }
    about = {
        "title": runs(item.title),
        "channel": runs(item.channel),
        "views": runs(f"{views} views"),
        "publishDate": runs(f"{date:%b} {date.day}, {date.year}"),
        "factoid": [{"sentimentFactoidRenderer": sentiment}, factoid(views, "Views", f"{views} views")],
    }
    description = {"structuredDescriptionContentRenderer": {"items": [{"videoDescriptionHeaderRenderer": about}]}}
    panels = [panel({"title": runs("Description")}, "video-description-ep-identifier", content=description)]
    if item.comments is not None:
        title = {"title": runs("Comments"), "contextualInfo": runs(abbreviated(item.comments, UPPER))}
        comments = panel(
            title,
            "shorts-comments-panel",
            targetId="engagement-panel-comments-section",
            visibility="ENGAGEMENT_PANEL_VISIBILITY_HIDDEN",
        )
        panels.insert(0, comments)
    return panels


def watch_sequence(entries: list[JSON], continuation: str) -> JSON:
    """Twelve commands that come next, and the token for more: it never ends."""
    return {
        "responseContext": response_context(),
        "entries": [{"command": entry} for entry in entries],
        "continuationEndpoint": {
            "continuationCommand": {
                "token": continuation,
                "request": "CONTINUATION_REQUEST_TYPE_REEL_WATCH_SEQUENCE",
            }
        },
    }
