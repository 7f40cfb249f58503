'use strict';
// One short in an article: filling it, playing it, and reporting how long it was watched.
const rate = Math.min(16, site.timeScale);

function part(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function fill(article, item) {
  article.replaceChildren();
  article.item = item;
  article.dataset.id = item.id;
  article.dataset.position = item.position ?? '';
  article.dataset.type = item.isAd ? 'ad' : item.type;
  article.dataset.active = 'false';
  const player = part('section', 'player');
  if (item.unavailable) {
    article.dataset.unavailable = item.unavailable;
    player.append(part('div', 'gone', site.words.unavailable));
    article.append(player);
    return;
  }
  delete article.dataset.unavailable;
  if (item.video) {
    const video = document.createElement('video');
    Object.assign(video, {muted: true, loop: true, playsInline: true, preload: 'auto', src: item.video});
    video.defaultPlaybackRate = video.playbackRate = rate;
    player.append(video);
  } else if (item.photo) {
    player.append(Object.assign(document.createElement('img'), {src: item.photo, alt: ''}));
  }
  if (item.isAd) player.append(part('span', 'badge', 'Sponsored'));
  if (item.type === 'live') player.append(part('span', 'badge', 'LIVE'));
  const overlay = part('div', 'overlay');
  overlay.append(part('div', 'author', '@' + item.author.handle), part('div', 'caption', item.desc));
  player.append(overlay);
  article.append(player);
  if (item.stats) article.append(actions(item));
}

function actions(item) {
  const bar = part('div', 'actions');
  const like = part('button', 'like', `♥ ${item.stats.likes}`);
  like.type = 'button';
  like.setAttribute('aria-label', 'Like this short');
  like.setAttribute('aria-pressed', String(item.liked));
  like.onclick = async () => {
    const liked = like.getAttribute('aria-pressed') !== 'true';
    like.disabled = true;
    const response = await fetch('/api/like', {method: 'POST', body: JSON.stringify({id: item.id, liked})});
    const kept = (await response.json()).liked;
    item.liked = kept;
    like.setAttribute('aria-pressed', String(kept));
    like.disabled = false;
  };
  bar.append(like);
  for (const [name, count] of [['comments', item.stats.comments], ['share', item.stats.shares]]) {
    const button = part('button', name, `${name} ${count}`);
    button.type = 'button';
    bar.append(button);
  }
  bar.append(part('span', 'views', `${item.stats.views} views`));
  return bar;
}

// The time one article was active. Seconds are platform seconds.
class Watch {
  constructor(article) {
    this.article = article;
    this.item = article.item;
    this.began = performance.now();
    this.media = 0;
    this.last = 0;
    this.video = article.querySelector('video');
    if (this.video) this.video.addEventListener('timeupdate', () => this.count());
    this.told = false;
    this.said = {};  // by a visitor who knows how long it looked: at many times real time a clock measures the machine
  }
  count() {
    const now = this.video.currentTime;
    this.media += now >= this.last ? now - this.last : Math.max(0, this.video.duration - this.last) + now;
    this.last = now;
  }
  report() {
    if (this.video) this.count();
    return JSON.stringify({
      id: this.item.id, position: this.item.position ?? null, liked: Boolean(this.item.liked),
      seconds: (performance.now() - this.began) / 1000 * site.timeScale, media_seconds: this.media,
      ...this.said,
    });
  }
  async tell() {
    if (this.told) return;
    this.told = true;
    await fetch('/api/watch', {method: 'POST', body: this.report(), keepalive: true}).catch(() => null);
  }
  tellLast() {
    if (this.told) return;
    this.told = true;
    navigator.sendBeacon('/api/watch', this.report());
  }
}

async function activate(article) {
  article.dataset.active = 'true';
  if (article.item.fault) await goDown(article.item);
  const video = article.querySelector('video');
  if (video) { video.playbackRate = rate; video.play().catch(() => {}); }
  return new Watch(article);
}

function rest(article) {
  article.dataset.active = 'false';
  const video = article.querySelector('video');
  if (video) video.pause();
}

// The faults `hang` and `crash`. A page cannot kill its own process: the adapter sees `crash` in the page and does it.
async function goDown(item) {
  await fetch('/api/down', {method: 'POST', body: JSON.stringify({id: item.id, fault: item.fault})});
  if (item.fault === 'crash') await new Promise(() => {});
  for (;;) performance.now();
}
