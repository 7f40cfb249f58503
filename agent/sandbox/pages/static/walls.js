'use strict';
// What every page shares: its words, its data, and the walls that may stand in front of it.
const site = {
  words: JSON.parse(document.getElementById('i18n').textContent),
  timeScale: Number(document.body.dataset.timeScale),
  // Broken data gives null and shows the error card.
  state() {
    try { return JSON.parse(document.getElementById('state').textContent); } catch { return site.failed(); }
  },
  failed() {
    const card = document.getElementById('error-card');
    card.querySelector('p').textContent = site.words.again;
    card.hidden = false;
    card.querySelector('button').onclick = () => location.reload();
    return null;
  },
  showWall(kind, retryAfter) {
    const veil = document.createElement('div');
    veil.className = 'veil';
    const wall = document.createElement('div');
    wall.className = 'wall';
    wall.setAttribute('role', 'dialog');
    wall.dataset.wall = kind;
    if (retryAfter) wall.dataset.retryAfter = retryAfter;
    wall.append(Object.assign(document.createElement('h2'), {textContent: site.words[kind]}));
    veil.append(wall);
    document.getElementById('wall-root').replaceChildren(veil);
  },
  // The answer's data; null where there is none to be had. A wall in it is shown.
  async ask(address) {
    const response = await fetch(address).catch(() => null);
    if (!response) return null;
    const text = await response.text();
    let data;
    try { data = JSON.parse(text); } catch { return null; }
    if (data.wall) { site.showWall(data.wall, response.headers.get('Retry-After')); return null; }
    return data;
  },
};
const reject = document.getElementById('reject-all');
if (reject) reject.onclick = () => {
  document.cookie = 'consent=rejected; path=/; max-age=31536000; samesite=lax';
  document.getElementById('wall-root').replaceChildren();
};
