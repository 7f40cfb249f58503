// What every page of the test server shares: its settings, markup, the lists' answers, players and likes.
import { openLogin } from './tiktok_walls.js';

export const site = JSON.parse(document.getElementById('site-config').textContent);
export const failing = name => site.faults.includes(name);
export const stateOf = name =>
  JSON.parse(document.getElementById('__UNIVERSAL_DATA_FOR_REHYDRATION__').textContent).__DEFAULT_SCOPE__['webapp.' + name];

export function element(markup) {
  const template = document.createElement('template');
  template.innerHTML = markup.trim();
  return template.content.firstElementChild;
}

export const plain = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);

export function brief(count) {
  if (count >= 1e6) return (count / 1e6).toFixed(1).replace(/\.0$/, '') + 'M';
  if (count >= 1e4) return (count / 1e3).toFixed(1).replace(/\.0$/, '') + 'K';
  return String(count);
}

// An answer as JSON; a page that is refused its list (`verify`, an empty body) simply has nothing to show.
export async function ask(path) {
  try {
    const answer = JSON.parse(await (await fetch(path)).text());
    return answer.type === 'verify' ? {} : answer;
  } catch {
    return {};
  }
}

// Some lists stay empty until a person seems to be there.
export const presence = failing('needs_mouse')
  ? new Promise(done => ['mousemove', 'pointerdown'].forEach(name => addEventListener(name, done, { once: true })))
  : Promise.resolve();

export const address = item => `/@${item.author.uniqueId}/${item.imagePost ? 'photo' : 'video'}/${item.id}`;
export const cover = item => (item.imagePost ? item.imagePost.images[0].imageURL.urlList[0] : item.video.cover);

// The player's element: `xgwrapper-N-ID` around a `video`; photo posts have neither.
export function player(item, place) {
  if (item.imagePost) return `<div class="css-1f-DivPhotoVideoContainer"><div class="swiper-slide"><img class="photo" src="${cover(item)}"></div></div>`;
  return `<div id="xgwrapper-${place}-${item.id}" class="xgplayer-container tiktok-web-player ${site.canvas_player ? 'canvas-player' : ''}">
    <div><video data-version="0.3.56" preload="" crossorigin="use-credentials" playsinline></video></div></div>`;
}

// Fetch the bytes into the root's video. Plays only while `wanted()` says so. False where there is no such video.
export async function load(root, item, wanted) {
  const video = root.querySelector('video');
  if (!video) return true;
  const answer = await fetch(`/video/tos/${item.id}`);
  if (!answer.ok) return false;
  const bytes = await answer.blob();
  if (!video.isConnected) return true;
  video.src = URL.createObjectURL(bytes);
  video.loop = video.muted = true;
  video.defaultPlaybackRate = video.playbackRate = site.rate;
  if (site.canvas_player) draw(video);
  if (wanted()) video.play().catch(() => {});
  return true;
}

export function unload(root) {
  for (const video of root.querySelectorAll('video')) {
    video.pause();
    URL.revokeObjectURL(video.src);
  }
}

function draw(video) {
  const canvas = element('<canvas width="270" height="480"></canvas>');
  video.after(canvas);
  const paint = () => {
    if (!video.isConnected) return;
    if (video.readyState >= 2) canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
    requestAnimationFrame(paint);
  };
  paint();
}

// A caption with links at the places that `textExtra` names.
export function caption(item) {
  let at = 0, markup = '';
  for (const mark of item.textExtra || []) {
    const href = mark.hashtagName ? `/tag/${mark.hashtagName}` : `/@${mark.userUniqueId}`;
    const part = [...item.desc], words = part.slice(mark.start, mark.end).join('');
    markup += `<span>${plain(part.slice(at, mark.start).join(''))}</span>`;
    markup += `<a data-e2e="search-common-link" target="_self" href="${plain(href)}">${plain(words)}</a>`;
    at = mark.end;
  }
  return markup + `<span>${plain([...item.desc].slice(at).join(''))}</span>`;
}

// The like button: flips at once, and back when the server did not store it. Logged out it asks for a login.
export function likeable(button, item) {
  const show = on => {
    item.digged = on;
    button.setAttribute('aria-pressed', String(on));
  };
  show(Boolean(item.digged));
  button.addEventListener('click', async () => {
    if (!site.logged_in) return openLogin();
    const wanted = button.getAttribute('aria-pressed') !== 'true';
    show(wanted);
    const answer = await fetch(`/api/commit/item/digg/?aweme_id=${item.id}&type=${wanted ? 1 : 0}`, { method: 'POST' });
    const stored = Boolean((await answer.json()).is_digg);
    if (stored !== wanted) setTimeout(() => show(stored), 600);
  });
}

export const actionButton = (name, label, count, prefix = '', pressed = '') =>
  `<button type="button" aria-label="${label}" ${pressed} class="css-1g-ButtonActionItem"><span data-e2e="${prefix}${name}-icon" class="css-1g-SpanIconWrapper">&#9829;</span><strong data-e2e="${prefix}${name}-count" class="css-1g-StrongText">${brief(count)}</strong></button>`;
