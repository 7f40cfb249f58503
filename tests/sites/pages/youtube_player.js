"use strict";
// The Shorts player: ten recycled reels, neighbours loaded ahead, an action bar that comes late, a feed without end.

const SLOTS = 10, BEHIND = 2, URL_LEADS = 120, SETTLE = 180;
const sequence = [];              // {id, ad}, in the order of the feed
const answers = new Map();        // id -> promise of what reel_item_watch says
let current = -1, moving = false, continuation = null, growing = null, commentsOpen = false;

const inner = el("div", {id: "shorts-inner-container"});
const container = el("div", {id: "shorts-container"}, inner);
const panels = el("div", {id: "panels"});
const navigation = el("div", {class: "navigation-container"},
  ...[["up", "Previous video"], ["down", "Next video"]].map(([way, label]) =>
    el("div", {id: `navigation-button-${way}`}, el("ytd-button-renderer", {}, el("yt-button-shape", {}, specButton(label, ""))))));
manager.append(el("ytd-shorts", {}, container, navigation, panels));

const slots = Array.from({length: SLOTS}, (_, place) => {
  const root = el("ytd-reel-video-renderer", {id: String(place), class: "reel-video-in-sequence-new"});
  inner.append(root);
  return {root, position: -1, id: null};
});
const slotOf = position => slots[position % SLOTS];
const playerOf = slot => slot.root.querySelector(".html5-video-player");
const height = () => container.clientHeight;

function emptyBar() {
  // Far reels keep their buttons without data: neither label nor state.
  return el("reel-action-bar-view-model", {},
    ...["like-button-view-model", "button-view-model", "button-view-model"].map(name => el(name, {}, el("button", {}, ""))));
}

function recycle(slot, position) {
  slot.position = position;
  slot.id = null;
  slot.root.style.top = `${position * height()}px`;
  slot.root.style.height = `${height()}px`;
  slot.root.replaceChildren(el("div", {class: "short-video-container"}, el("div", {class: "player-container"})), emptyBar());
}

function layout() {
  const first = Math.max(0, current - BEHIND);
  for (let position = first; position < first + SLOTS; position++)
    if (slotOf(position).position !== position) recycle(slotOf(position), position);
  inner.style.height = `${(first + SLOTS) * height()}px`;
}

function answerOf(id) {
  if (!answers.has(id))
    answers.set(id, call("reel/reel_item_watch", {playerRequest: {videoId: id}, params: "CBQwAg"}).catch(() => null));
  return answers.get(id);
}

async function grow() {
  growing ??= call("reel/reel_watch_sequence", {sequenceParams: continuation}).then(answer => {
    for (const entry of answer.entries) {
      const endpoint = entry.command.reelWatchEndpoint;
      sequence.push({id: endpoint.videoId, ad: endpoint.adClientParams?.isAd === true});
    }
    continuation = answer.continuationEndpoint.continuationCommand.token;
    growing = null;
  });
  return growing;
}

function makePlayer(id) {
  const video = el("video", {class: "video-stream html5-main-video", tabindex: "-1"});
  video.loop = !broken.has("auto_advance");
  video.muted = true;
  video.playsInline = true;
  video.onclick = () => (video.paused ? video.play() : video.pause());
  const spinner = el("div", {class: "ytp-spinner"});
  video.onplaying = () => { spinner.hidden = true; };
  const player = el("div", {class: "html5-video-player", tabindex: "-1"},
    el("div", {class: "html5-video-container"}, video),
    el("a", {class: "ytp-title-link", href: `https://www.youtube.com/shorts/${id}`}), spinner);
  video.onended = () => { if (player.id === "shorts-player") go(1); };
  return player;
}

async function fetchVideo(slot, id) {
  const answer = await fetch(`/videoplayback?id=${id}&itag=18`);
  const video = slot.id === id && slot.root.querySelector("video");
  if (!answer.ok || !video) return;
  video.src = URL.createObjectURL(await answer.blob());
  video.defaultPlaybackRate = video.playbackRate = flags.test_rate;
  if (slotOf(current) === slot) video.play().catch(() => {});
}

async function load(position) {
  const slot = slotOf(position), entry = sequence[position];
  if (!entry || slot.position !== position || slot.id) return;
  const id = slot.id = entry.id;
  slot.root.setAttribute("video-id", id);
  slot.root.querySelector(".player-container").replaceChildren(makePlayer(id));
  const bar = el("reel-action-bar-view-model", {});
  slot.root.querySelector("reel-action-bar-view-model").replaceWith(bar);
  const answer = await answerOf(id);
  if (slot.id !== id) return;
  const status = answer?.playerResponse?.playabilityStatus;
  if (status && status.status !== "OK") return showError(slot, status);
  fetchVideo(slot, id);
  const over = slot.root.querySelector(".short-video-container");
  over.append(answer?.overlay?.shortsAdsRenderer ? adOverlay(answer) : metapanel(answer));
}

function unload(slot) {
  const video = slot.root.querySelector("video");
  if (video?.src) URL.revokeObjectURL(video.src);
  recycle(slot, slot.position);
}

function showError(slot, status) {
  const message = status.errorScreen.playerErrorMessageRenderer;
  playerOf(slot).querySelector(".ytp-spinner").hidden = true;
  playerOf(slot).append(el("div", {class: "ytp-error", role: "alert"},
    el("div", {class: "ytp-error-content-wrap-reason"}, el("span", {}, status.reason)),
    el("div", {class: "ytp-error-content-wrap-subreason"}, text(message.subreason))));
}

function metapanel(answer) {
  const panel = el("div", {class: "metapanel"});
  for (const item of findKey(answer, "metadataItems") ?? []) {
    const bar = item.reelChannelBarViewModel, title = item.shortsVideoTitleViewModel, more = item.reelCarouselViewModel;
    if (bar) {
      const name = bar.channelName, tap = name.commandRuns[0].onTap.innertubeCommand;
      panel.append(el("yt-reel-channel-bar-view-model", {}, el("span", {class: "ytReelChannelBarViewModelChannelName"},
        el("a", {href: tap.commandMetadata.webCommandMetadata.url}, name.content))));
    }
    if (title) panel.append(el("yt-shorts-video-title-view-model", {},
      el("h2", {class: "ytShortsVideoTitleViewModelShortsVideoTitle"}, title.text.content)));
    if (more) panel.append(el("yt-reel-carousel-view-model", {}, ...more.buttonViewModels.map(button => {
      const model = button.reelCarouselButtonViewModel.buttonViewModel.buttonViewModel;
      return el("a", {href: model.onTap.innertubeCommand.commandMetadata.webCommandMetadata.url}, `${model.title} `);
    })));
  }
  return panel;
}

function adOverlay(answer) {
  const ad = answer.overlay.shortsAdsRenderer, button = ad.button.buttonViewModel;
  return el("div", {class: "metapanel"}, el("ytd-ad-slot-renderer", {},
    el("badge-shape", {}, text(ad.adBadge.adBadgeViewModel.label)),
    el("div", {}, answer.playerResponse.videoDetails.title),
    el("ad-button-view-model", {},
      el("a", {href: button.onTap.innertubeCommand.urlEndpoint.url, target: "_blank"}, button.title))));
}

function likeButton(id, model) {
  const toggle = model.toggleButtonViewModel.toggleButtonViewModel;
  const button = specButton("", "", {"aria-pressed": "false"}), words = el("span", {role: "text"});
  const show = pressed => {
    const side = (pressed ? toggle.toggledButtonViewModel : toggle.defaultButtonViewModel).buttonViewModel;
    button.setAttribute("aria-pressed", String(pressed));
    button.setAttribute("aria-label", side.accessibilityText);
    words.textContent = side.title;
  };
  show(toggle.isToggled);
  button.onclick = async () => {
    if (toggle.isTogglingDisabled) return signInModal(toggle.defaultButtonViewModel.buttonViewModel.onTap);
    const pressed = button.getAttribute("aria-pressed") === "true";
    show(!pressed);
    try {
      await call(pressed ? "like/removelike" : "like/like", {target: {videoId: id}});
      toggle.isToggled = !pressed;
    } catch {
      await pause(600);
      show(pressed);
    }
  };
  return el("like-button-view-model", {class: "ytLikeButtonViewModelHost"}, el("toggle-button-view-model", {},
    el("button-view-model", {}, el("label", {class: "yt-spec-button-shape-with-label"}, button,
      el("div", {class: "yt-spec-button-shape-with-label__label", "aria-hidden": "false"}, words)))));
}

function signInModal(tap) {
  const modal = tap.innertubeCommand.modalEndpoint.modal.modalWithTitleAndButtonRenderer;
  popups.querySelector("tp-yt-iron-dropdown")?.remove();
  const dropdown = el("tp-yt-iron-dropdown", {}, el("ytd-modal-with-title-and-button-renderer", {},
    el("h3", {}, text(modal.title)), el("p", {}, text(modal.content)),
    el("a", {href: ytcfg.get("SIGNIN_URL"), "aria-label": "Sign in"}, text(modal.button.buttonRenderer.text))));
  popups.append(dropdown);
  setTimeout(() => document.addEventListener("click", event => {
    if (!dropdown.contains(event.target)) dropdown.remove();
  }, {once: true}));
}

function fillBar(slot, answer) {
  const bar = slot.root.querySelector("reel-action-bar-view-model");
  for (const item of findKey(answer, "reelActionBarViewModel")?.buttonViewModels ?? []) {
    if (item.likeButtonViewModel) bar.append(likeButton(slot.id, item.likeButtonViewModel));
    if (item.pivotButtonViewModel) bar.append(el("pivot-button-view-model", {},
      specButton(item.pivotButtonViewModel.contentDescription, "♪")));
    if (!item.buttonViewModel) continue;
    const button = specButton(item.buttonViewModel.accessibilityText, item.buttonViewModel.title);
    if (item.buttonViewModel.iconName === "SHORTS_COMMENT") button.onclick = () => toggleComments(!commentsOpen);
    bar.append(el("button-view-model", {class: "ytSpecButtonViewModelHost"}, button));
  }
  if (bar.children.length) bar.append(el("button-view-model", {}, specButton("More actions", "⋮")));
}

async function barLater(slot) {
  const id = slot.id, code = [...id].reduce((sum, letter) => sum + letter.charCodeAt(0), 0);
  const answer = await answerOf(id);
  await pause(300 + code % 500);
  if (code % 10 === 7) await new Promise(done => slot.root.addEventListener("mousemove", done, {once: true}));
  const bar = slot.root.querySelector("reel-action-bar-view-model");
  if (!broken.has("blank_bar") && slot.id === id && slotOf(current) === slot && !bar.children.length) fillBar(slot, answer);
}

function activate(position) {
  const before = document.querySelector("#shorts-player");
  before?.removeAttribute("id");
  before?.querySelector("video").pause();
  current = position;
  layout();
  load(position);
  const slot = slotOf(position), video = slot.root.querySelector("video");
  playerOf(slot).id = "shorts-player";
  container.scrollTop = position * height();
  if (video.src) { video.currentTime = 0; video.play().catch(() => {}); }
  for (const other of slots) if (Math.abs(other.position - current) > 1 && other.id) unload(other);
  load(position + 1);
  if (position) load(position - 1);
  barLater(slot);
  answerOf(slot.id).then(answer => {
    if (current === position) document.title = `${answer?.playerResponse?.videoDetails?.title ?? ""} - YouTube`;
  });
  navigation.firstChild.hidden = position === 0;
  if (position + SLOTS > sequence.length) grow().then(() => load(current + 1));
}

async function go(step) {
  const target = current + step;
  if (moving || target < 0) return;
  moving = true;
  while (target >= sequence.length) await grow();
  history.replaceState(null, "", `/shorts/${sequence[target].id}`);
  await pause(URL_LEADS);
  activate(target);
  await pause(SETTLE);
  moving = false;
}

function toggleComments(open) {
  commentsOpen = open;
  panels.replaceChildren();
  if (!open) return;
  const close = specButton("Close", "✕");
  close.onclick = () => toggleComments(false);
  panels.append(el("ytd-engagement-panel-section-list-renderer",
    {"target-id": "engagement-panel-comments-section", visibility: "ENGAGEMENT_PANEL_VISIBILITY_EXPANDED"},
    el("div", {id: "visibility-button"}, close), el("h2", {}, "Comments"), el("p", {}, "Lovely light in this one.")));
}

navigation.addEventListener("click", event => {
  const way = event.target.closest("#navigation-button-down, #navigation-button-up");
  if (way && !broken.has("dead_button")) go(way.id.endsWith("down") ? 1 : -1);
});

document.addEventListener("keydown", event => {
  const focus = document.activeElement, step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!step || (focus !== document.body && !focus.closest("#shorts-player"))) return;
  event.preventDefault();
  if (!broken.has("dead_keys") && !commentsOpen) go(step);
});

container.addEventListener("wheel", event => {
  event.preventDefault();
  if (!broken.has("dead_wheel") && !commentsOpen && Math.abs(event.deltaY) > 20) go(Math.sign(event.deltaY));
}, {passive: false});

container.addEventListener("scrollend", () => {
  const seen = Math.round(container.scrollTop / height());
  if (current >= 0 && seen !== current && !moving) go(seen - current);
});

async function start() {
  const asked = location.pathname.split("/")[2];
  const answer = asked
    ? {...ytInitialData, playerResponse: ytInitialPlayerResponse}
    : await call("reel/reel_item_watch", {inputType: "REEL_WATCH_INPUT_TYPE_SEEDLESS"});
  const id = asked || answer.replacementEndpoint?.reelWatchEndpoint.videoId || "";
  if (id && !asked) history.replaceState(null, "", `/shorts/${id}`);
  answers.set(id, Promise.resolve(answer));
  sequence.push({id, ad: false});
  continuation = answer.sequenceContinuation ?? "";
  activate(0);
  if (broken.has("comments_open")) toggleComments(true);
}

start();
