"use strict";
// Results and the home page, drawn from `ytInitialData`; further pages come when the end is near.

function shortsCard(model) {
  const address = model.onTap.innertubeCommand.commandMetadata.webCommandMetadata.url;
  const title = text(model.overlayMetadata.primaryText);
  const picture = el("img", {alt: "", loading: "lazy", src: model.thumbnailViewModel.thumbnailViewModel.image.sources[0].url});
  const card = el("ytm-shorts-lockup-view-model", {class: "shortsLockupViewModelHost"},
    el("a", {href: address, class: "shortsLockupViewModelHostEndpoint reel-item-endpoint", tabindex: "-1", "aria-hidden": "true"},
      el("yt-thumbnail-view-model", {}, picture)),
    el("div", {role: "presentation", class: "shortsLockupViewModelHostOutsideMetadata"},
      el("h3", {role: "presentation", class: "shortsLockupViewModelHostMetadataTitle"},
        el("a", {href: address, class: "shortsLockupViewModelHostEndpoint", title}, el("span", {role: "text"}, title))),
      el("div", {class: "shortsLockupViewModelHostMetadataSubhead"},
        el("span", {role: "text"}, text(model.overlayMetadata.secondaryText)))));
  return el("ytm-shorts-lockup-view-model-v2", {class: "shortsLockupViewModelHost"}, card);
}

function gridShelf(model) {
  const items = model.contents.map(item =>
    el("div", {class: "ytGridShelfViewModelGridShelfItem"}, shortsCard(item.shortsLockupViewModel)));
  return el("grid-shelf-view-model", {class: "ytGridShelfViewModelHost"},
    el("h2", {}, text(model.header.sectionHeaderViewModel.headline)),
    el("div", {class: "ytGridShelfViewModelGridShelfRow"}, ...items));
}

function videoLine(model) {
  const address = model.navigationEndpoint.commandMetadata.webCommandMetadata.url;
  const status = model.thumbnailOverlays[0].thumbnailOverlayTimeStatusRenderer;
  const owner = model.ownerText.runs[0];
  return el("ytd-video-renderer", {},
    el("ytd-thumbnail", {}, el("a", {id: "thumbnail", href: address, tabindex: "-1", "aria-hidden": "true"},
      el("img", {alt: "", loading: "lazy", src: model.thumbnail.thumbnails[0].url}),
      el("ytd-thumbnail-overlay-time-status-renderer", {"overlay-style": status.style}, text(status.text)))),
    el("h3", {}, el("a", {id: "video-title", href: address, title: text(model.title)}, text(model.title))),
    el("div", {id: "metadata-line"}, `${text(model.viewCountText)} · ${text(model.publishedTimeText)}`),
    el("ytd-channel-name", {},
      el("a", {href: owner.navigationEndpoint.commandMetadata.webCommandMetadata.url}, owner.text)));
}

function advert(model) {
  const layout = model.fulfillmentContent.fulfilledLayout.inFeedAdLayoutRenderer.renderingContent;
  const away = layout.button.adButtonViewModel.onTap.innertubeCommand.urlEndpoint.url;
  return el("ytd-ad-slot-renderer", {}, el("ytd-in-feed-ad-layout-renderer", {},
    el("a", {href: away, target: "_blank"}, text(layout.title)),
    el("ad-badge-view-model", {}, el("badge-shape", {}, text(layout.badge.adBadgeViewModel.label))),
    el("ad-button-view-model", {},
      el("a", {href: layout.watch.commandMetadata.webCommandMetadata.url, "aria-label": "Watch"}, "Watch"))));
}

const DRAW = {
  gridShelfViewModel: gridShelf,
  videoRenderer: videoLine,
  adSlotRenderer: advert,
  channelRenderer: model => el("ytd-channel-renderer", {}, text(model.title)),
  backgroundPromoRenderer: model => el("ytd-background-promo-renderer", {},
    el("div", {class: "promo-title"}, text(model.title)), el("div", {class: "promo-body-text"}, text(model.bodyText))),
  messageRenderer: model => el("ytd-message-renderer", {}, text(model.text)),
  feedNudgeRenderer: model => el("ytd-feed-nudge-renderer", {}, el("h2", {}, text(model.title)), text(model.subtitle)),
};

function append(list, sections) {
  for (const section of sections) {
    if (section.continuationItemRenderer) list.append(continuationItem(list, section.continuationItemRenderer));
    for (const item of section.itemSectionRenderer?.contents ?? []) {
      const [[name, model]] = Object.entries(item);
      list.append(DRAW[name](model));
    }
  }
}

function continuationItem(list, model) {
  const item = el("ytd-continuation-item-renderer", {}, el("tp-yt-paper-spinner", {}));
  const near = new IntersectionObserver(async seen => {
    if (!seen.some(entry => entry.isIntersecting)) return;
    near.disconnect();
    const answer = await call("search", {continuation: model.continuationEndpoint.continuationCommand.token});
    item.remove();
    for (const command of answer.onResponseReceivedCommands)
      append(list, command.appendContinuationItemsAction?.continuationItems ?? []);
  }, {rootMargin: "300px"});
  near.observe(item);
  return item;
}

const contents = el("div", {id: "contents"});
manager.append(el(location.pathname === "/results" ? "ytd-search" : "ytd-browse", {}, contents));
const found = ytInitialData.contents.twoColumnSearchResultsRenderer?.primaryContents.sectionListRenderer.contents;
if (found) append(contents, found);
else contents.append(DRAW.feedNudgeRenderer(findKey(ytInitialData, "feedNudgeRenderer")));
