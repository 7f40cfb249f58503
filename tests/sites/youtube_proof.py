"""Where each selector and JSON path that the YouTube server emits was seen.

`R: NAME` is a recording; `platforms.md 1.x [n]` a line of the facts with its grade; `unproven` has neither. After
`unproven:` stands what it rests on instead.
"""

PROOF: dict[str, str] = {
    # Addresses
    "/results?search_query=": "R: np_results_page_jan2026",
    "/results?sp=EgIQCQ%253D%253D": "R: np_search_rare_p1",
    "/results?sp=EgQIAhAJ|EgQIAxAJ|EgQIBBAJ|EgQIBRAJ": "platforms.md 1.1 [R]",
    "/shorts/ID": "R: np_search_rare_p1",
    "/shorts/": "platforms.md 1.4 [R]",
    "/youtubei/v1/search {continuation}": "R: np_search_rare_p2_end",
    "/youtubei/v1/reel/reel_item_watch": "R: np_reel_item_watch_ok_jun2026",
    "/youtubei/v1/reel/reel_item_watch SEEDLESS": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "/youtubei/v1/reel/reel_watch_sequence": "R: dopagaki_reel_watch_sequence_sep2026",
    "/youtubei/v1/like/like, like/removelike": "unproven",
    "/videoplayback on www.youtube.com": "unproven: recorded ones are on googlevideo.com",
    # State of documents
    "ytInitialData": "R: np_results_page_jan2026",
    "ytInitialPlayerResponse": "R: metascraper_watch_jan2026",
    "ytInitialData.overlay, .engagementPanels of /shorts/ID": "unproven: as in reel_item_watch",
    "ytcfg.LOGGED_IN, .GL, .HL": "R: np_results_page_jan2026",
    "ytcfg.INNERTUBE_CONTEXT.client.gl, .hl, .remoteHost": "R: np_results_page_jan2026",
    "ytcfg.INNERTUBE_CONTEXT_CLIENT_VERSION": "R: np_results_page_jan2026",
    "topbar.desktopTopbarRenderer.interstitial.consentBumpV2Renderer": "R: np_results_page_jan2026",
    "meta[itemprop=name|datePublished|genre], interactionStatistic": "R: metascraper_watch_jan2026",
    "ytd-app, ytd-masthead, ytd-page-manager, ytd-popup-container": "R: slowdive_watch_rendered_jan2026",
    "ytd-search, ytd-browse": "unproven: public code",
    "fusionSearchboxRenderer, visible 'Sign in' while logged out": "R: np_results_page_jan2026",
    "ytd-button-renderer, yt-button-shape, .yt-spec-button-shape-next": "R: slowdive_watch_rendered_jan2026",
    # Data of results
    "contents.twoColumnSearchResultsRenderer.primaryContents.sectionListRenderer.contents[].itemSectionRenderer": (
        "R: np_search_all_p1"
    ),
    "gridShelfViewModel.contents[].shortsLockupViewModel": "R: np_search_all_p1",
    "gridShelfViewModel.header.sectionHeaderViewModel": "R: np_search_all_p1",
    "shortsLockupViewModel.thumbnailViewModel, .inlinePlayerData...watchEndpoint": "R: np_search_rare_p1",
    "gridShelfViewModel under the Shorts filter": "unproven: recorded in the plain search only",
    "shortsLockupViewModel.onTap.innertubeCommand.reelWatchEndpoint.videoId": "R: np_search_rare_p1",
    "shortsLockupViewModel.overlayMetadata.primaryText|secondaryText.content": "R: np_search_rare_p1",
    "shortsLockupViewModel.accessibilityText": "R: np_search_rare_p1",
    "videoRenderer.navigationEndpoint.reelWatchEndpoint": "R: np_search_all_p1",
    "videoRenderer.thumbnailOverlays[].thumbnailOverlayTimeStatusRenderer.style SHORTS": "R: np_search_all_p1",
    "videoRenderer.ownerText.runs[].navigationEndpoint.browseEndpoint.canonicalBaseUrl": "R: np_search_all_p1",
    "videoRenderer.viewCountText, .shortViewCountText, .lengthText, .publishedTimeText": "R: np_search_all_p1",
    "channelRenderer": "R: np_search_rare_p1",
    "adSlotRenderer": "unproven: platforms.md 1.2 [R] has the element only",
    "inFeedAdLayoutRenderer, adBadgeViewModel, adButtonViewModel, urlEndpoint of an advertisement": "unproven",
    "continuationItemRenderer.continuationEndpoint.continuationCommand.token": "R: np_search_rare_p1",
    "onResponseReceivedCommands[].appendContinuationItemsAction.continuationItems[]": "R: np_search_all_p2",
    "messageRenderer 'No more results'": "R: np_search_rare_p2_end",
    "backgroundPromoRenderer 'No results found'": "R: np_results_page_jan2026",
    "feedNudgeRenderer": "platforms.md 1.5 [R]",
    "twoColumnBrowseResultsRenderer.tabs[].tabRenderer": "R: np_channel_age_wall",
    "richGridRenderer.contents[].richItemRenderer around the nudge": "unproven: public code",
    "estimatedResults": "R: np_search_rare_p1",
    # Elements of results
    'a[href^="/shorts/"], two a card': "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    "ytm-shorts-lockup-view-model, ytm-shorts-lockup-view-model-v2": "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    "h3 a[title]": "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    "yt-thumbnail-view-model": "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    ".shortsLockupViewModelHostMetadataSubhead": "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    "grid-shelf-view-model, .ytGridShelfViewModelGridShelfItem": "platforms.md 1.2 [5]",
    'ytd-video-renderer:has(a[href^="/shorts/"])': "platforms.md 1.2 [R]",
    '[overlay-style="SHORTS"]': "platforms.md 1.2 [R]",
    "ytd-thumbnail-overlay-time-status-renderer, ytd-thumbnail, ytd-channel-name": "unproven: public code",
    "ytd-ad-slot-renderer, ytd-in-feed-ad-layout-renderer": "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    "ad-badge-view-model, ad-button-view-model, badge-shape": "R: wonchoe_home_shorts_shelf_excerpt_dec2025",
    "tp-yt-paper-spinner": "R: slowdive_watch_rendered_jan2026",
    "ytd-continuation-item-renderer": "platforms.md 1.2 [R]",
    "ytd-message-renderer, ytd-background-promo-renderer, ytd-channel-renderer, ytd-feed-nudge-renderer": "unproven",
    # Data of one short
    "videoDetails": "R: np_reel_item_watch_ok_jun2026",
    "videoDetails.keywords": "R: slowdive_watch_rendered_jan2026",
    "microformat.playerMicroformatRenderer": "R: metascraper_watch_jan2026",
    "reel_item_watch.playerResponse.microformat": "unproven: the recorded answer is that of an app",
    "captions.playerCaptionsTracklistRenderer.captionTracks[].languageCode, .kind": "R: np_reel_item_watch_ok_jun2026",
    "paidContentOverlay.paidContentOverlayRenderer": "R: slowdive_watch_rendered_jan2026",
    "status, replacementEndpoint, sequenceContinuation": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "doubleTapLikeButton.likeButtonRenderer.likeCount": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "reelPlayerOverlayRenderer...reelPlayerHeaderRenderer.timestampText": (
        "R: dopagaki_reel_item_watch_seedless_sep2026"
    ),
    "reelPlayerOverlayViewModel.metapanel.reelMetapanelViewModel.metadataItems[]": (
        "R: dopagaki_reel_item_watch_seedless_sep2026"
    ),
    "decoratedAvatarViewModel.a11yLabel, subscribeButtonViewModel": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "toggleButtonViewModel.defaultButtonViewModel|toggledButtonViewModel.buttonViewModel.accessibilityText": (
        "R: dopagaki_reel_item_watch_seedless_sep2026"
    ),
    "modalWithTitleAndButtonRenderer.title|content": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "reelChannelBarViewModel.channelName": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "reelChannelBarViewModel...browseEndpoint.canonicalBaseUrl": "unproven: public code",
    "shortsVideoTitleViewModel.text.content": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "reelCarouselViewModel.buttonViewModels[].reelCarouselButtonViewModel": (
        "unproven: a note in dopagaki_reel_item_watch_seedless_sep2026, shape from public code"
    ),
    "pivotButtonViewModel.soundAttributionTitle": "unproven: public code; the recorded one has no title",
    "reelActionBarViewModel.buttonViewModels[]": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "likeButtonViewModel...toggleButtonViewModel.isTogglingDisabled, modalEndpoint": (
        "R: dopagaki_reel_item_watch_seedless_sep2026"
    ),
    "likeButtonViewModel...likeEndpoint, logged in": "unproven",
    "engagementPanels[] shorts-comments-panel contextualInfo": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "engagementPanelSectionListRenderer.header.engagementPanelTitleHeaderRenderer": (
        "R: dopagaki_reel_item_watch_seedless_sep2026"
    ),
    "structuredDescriptionContentRenderer.items[], sentimentFactoidRenderer, factoidRenderer": (
        "R: dopagaki_reel_item_watch_seedless_sep2026"
    ),
    "videoDescriptionHeaderRenderer": "R: dopagaki_reel_item_watch_seedless_sep2026",
    "entries[].command.reelWatchEndpoint.videoId": "R: dopagaki_reel_watch_sequence_sep2026",
    "entries[].command.reelWatchEndpoint.adClientParams.isAd": "platforms.md 1.3 [4]",
    "overlay.shortsAdsRenderer": "platforms.md 1.3 [4]; its inside unproven",
    # Elements of one short
    "ytd-shorts": "platforms.md 1.3 [L]",
    "ytd-reel-video-renderer, ten, recycled, without is-active": "platforms.md 1.3 [L]",
    "ytd-reel-video-renderer[video-id]": "platforms.md 1.3 [L]",
    'a.ytp-title-link[href*="/shorts/"]': "platforms.md 1.3 [L]",
    "#shorts-player video": "platforms.md 1.3 [L]",
    ".reel-video-in-sequence-new": "platforms.md 1.3 [L]",
    "#shorts-container, #shorts-inner-container": "unproven: public code",
    "reel-action-bar-view-model": "R: shorts_like_button_pressed",
    "like-button-view-model button[aria-pressed]": "R: shorts_like_button_pressed",
    "toggle-button-view-model, .yt-spec-button-shape-with-label": "R: shorts_like_button_pressed",
    "button-view-model button[aria-label]": "platforms.md 1.3 [L]",
    "pivot-button-view-model": "unproven",
    "#navigation-button-down button, #navigation-button-up button": "platforms.md 1.3 [L]",
    'button[aria-label="Next video"]': "platforms.md 1.3 [L]",
    "yt-shorts-video-title-view-model h2.ytShortsVideoTitleViewModelShortsVideoTitle": "platforms.md 1.3 [L]",
    'yt-reel-channel-bar-view-model a[href^="/@"]': "platforms.md 1.3 [L]",
    "yt-reel-carousel-view-model": "platforms.md 1.3 [L]",
    "ytd-ad-slot-renderer, ad-button-view-model, badge-shape in a reel": "platforms.md 1.3 [4]",
    "ytd-engagement-panel-section-list-renderer[target-id][visibility], #visibility-button": (
        "unproven: names of targetId and visibility from dopagaki_reel_item_watch_seedless_sep2026"
    ),
    ".ytp-spinner, .ytp-error, .ytp-error-content-wrap-reason, .ytp-error-content-wrap-subreason": "unproven",
    "history.replaceState before the reel is active": "platforms.md 1.3 [L]",
    # Walls
    'consent.youtube.com, form[action="https://consent.youtube.com/save"]': "platforms.md 1.5 [R]",
    "button 'Reject all' on consent.youtube.com, set_eom": "unproven: the recorded page of 2021 has one form",
    "consentBumpV2Renderer.agreeButton|disableP13nButton.buttonRenderer": "R: np_results_page_jan2026",
    "consentBumpV2Renderer...disablePersonalizationAction|saveConsentAction.socsCookie": "R: np_results_page_jan2026",
    "cookie SOCS": "R: np_results_page_jan2026",
    "ytd-consent-bump-v2-lightbox": "platforms.md 1.5 [R]",
    "consent texts and aria-labels": "R: np_results_page_jan2026",
    "tp-yt-paper-dialog in the consent dialog": "unproven",
    "google.com/sorry/index, 429, .g-recaptcha, 'unusual traffic'": "platforms.md 1.5 [R]",
    "#captcha-page, form /das_captcha": "R: jd_recaptcha_too_many_requests_2021",
    "429 with Retry-After and a plain body": "unproven",
    "playabilityStatus 'Sign in to confirm you’re not a bot'": "R: jd_innertube_bot_wall_2025",
    "playabilityStatus.errorScreen.playerErrorMessageRenderer": "R: np_reel_item_watch_private",
    "playabilityStatus private": "R: np_reel_item_watch_private",
    "playabilityStatus removed": "R: jd_innertube_unavailable",
    "playabilityStatus region, age": "platforms.md 1.5 [R]",
    "login dialog tp-yt-paper-dialog#sign-in over a page": "unproven",
    "tp-yt-iron-dropdown": "R: slowdive_watch_rendered_jan2026",
    "modal after a like without login: ytd-modal-with-title-and-button-renderer": "unproven: public code",
    "a results page without items and without a message": "platforms.md 1.5 [22 %]",
}
