"use strict";
// What all documents of www.youtube.com share: elements, calls, and the dialogs that may stand over the page.

const flags = ytcfg.get("EXPERIMENT_FLAGS");
const broken = new Set(flags.test_faults);
const manager = document.querySelector("#page-manager");
const popups = document.querySelector("ytd-popup-container");

function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value != null) element.setAttribute(name, value);
  element.append(...children.filter(child => child != null));
  return element;
}

const text = node => node?.content ?? node?.simpleText ?? (node?.runs ?? []).map(run => run.text).join("");
const pause = ms => new Promise(done => setTimeout(done, ms));

async function call(path, body) {
  const answer = await fetch(`/youtubei/v1/${path}?prettyPrint=false`, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify({context: ytcfg.get("INNERTUBE_CONTEXT"), ...body}),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

function findKey(node, key) {
  if (node === null || typeof node !== "object") return undefined;
  if (!Array.isArray(node) && key in node) return node[key];
  for (const child of Object.values(node)) {
    const found = findKey(child, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function specButton(label, words, attributes = {}) {
  return el("button", {class: "yt-spec-button-shape-next", "aria-label": label, "aria-disabled": "false", ...attributes},
    el("div", {"aria-hidden": "true", class: "yt-spec-button-shape-next__icon"}), words);
}

function consentDialog(bump, hidden) {
  const side = node => [text(node.buttonRenderer.text), node.buttonRenderer.accessibilityData?.accessibilityData.label];
  const light = el("ytd-consent-bump-v2-lightbox", hidden ? {hidden: "", style: "display: none"} : {});
  const choose = cookie => () => {
    document.cookie = `SOCS=${cookie}; domain=.youtube.com; path=/; secure`;
    light.remove();
  };
  const [rejectWords, rejectLabel] = side(bump.disableP13nButton);
  const [acceptWords, acceptLabel] = side(bump.agreeButton);
  const reject = specButton(rejectLabel, rejectWords), accept = specButton(acceptLabel, acceptWords);
  reject.onclick = choose(bump.disableP13nButton.buttonRenderer.command.disablePersonalizationAction.socsCookie);
  accept.onclick = choose(bump.agreeButton.buttonRenderer.command.saveConsentAction.socsCookie);
  light.append(el("tp-yt-paper-dialog", {id: "dialog", role: "dialog", "aria-modal": "true"},
    el("h1", {}, text(bump.interstitialTitle)),
    el("p", {}, "We use cookies and data to deliver and maintain our services."),
    ...[reject, accept].map(button => el("ytd-button-renderer", {}, el("yt-button-shape", {}, button))),
    el("a", {href: "https://consent.youtube.com/d"}, text(bump.customizeButton.buttonRenderer.text))));
  return light;
}

function signInDialog() {
  return el("tp-yt-paper-dialog", {id: "sign-in", role: "dialog", "aria-modal": "true"},
    el("h1", {}, yt.msgs_.SIGN_IN_TITLE),
    el("p", {}, "You need an account to watch on."),
    el("a", {href: ytcfg.get("SIGNIN_URL"), "aria-label": "Sign in"}, "Sign in"));
}

const bump = findKey(ytInitialData, "consentBumpV2Renderer");
if (bump) popups.append(consentDialog(bump, !broken.has("consent_dialog")));
if (broken.has("login")) popups.append(signInDialog());
