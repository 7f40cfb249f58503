// The feed column: a scroller with snap, of whose articles only those near the screen are filled. And cinema mode.
import {
  actionButton, address, ask, brief, caption, element, failing, likeable, load, plain, player, presence, site, stateOf, unload,
} from './tiktok_common.js';
import { errorCard, keyboardGuide } from './tiktok_walls.js';

const column = document.getElementById('column-list-container');
const items = [], articles = [];
let active = -1, moves = 0, loading = null, cinema = null;

function add(more) {
  for (const item of more) {
    const article = element(`<article data-scroll-index="${items.length}" shape="vertical" data-e2e="recommend-list-item-container" class="css-1k-ArticleItemContainer"></article>`);
    items.push(item);
    articles.push(article);
    column.append(article);
  }
}

function more() {
  loading ??= fetchMore().finally(() => { loading = null; });
  return loading;
}

async function fetchMore() {
  await presence;
  const path = site.layout === 'video' ? `related/item_list/?itemID=${items[0].id}` : 'recommend/item_list/?count=6';
  add((await ask(`/api/${path}`)).itemList || []);
  if (articles[active + 1]) fill(active + 1);
  arrows();
}

const media = (item, place) => `
  <section id="media-card-${place}" shape="vertical" tabindex="0" role="button" aria-label="Watch in full screen" data-e2e="feed-video" class="css-1k-SectionMediaCardContainer">
    <canvas width="56.25" height="100" class="css-1k-CanvasMediaCardPlaceholder"></canvas>
    <div class="css-1k-DivVideoPlayerContainer"><div class="css-1k-DivBasicPlayerWrapper">${player(item, 0)}</div></div>
    <div class="css-1k-DivMediaCardOverlayTop"><button type="button" aria-label="Volume" aria-pressed="true" tabindex="-1">&#128263;</button>
      <button type="button" data-e2e="more-menu-icon">&#8943;</button></div>
    <div class="css-1k-DivMediaCardOverlayBottom">
      <div class="css-1k-DivCreatorInfoContainer"><a href="/@${plain(item.author.uniqueId)}"><p>${plain(item.author.uniqueId)}</p></a></div>
      <div data-e2e="video-desc" class="css-1k-DivDescriptionContentContainer">${caption(item)}</div>
      ${item.adLabelVersion === 2 ? '<div data-e2e="sponsored-tag" class="css-1k-TagChipContainer"><p>Paid partnership</p></div>' : ''}
      ${item.isAd ? '<div class="css-1k-DivAdTag"><p>Sponsored</p><a href="https://example.com/">Order now</a></div>' : ''}
    </div>
  </section>`;

const bar = item => `
  <section class="css-1k-SectionActionBarContainer">
    <a data-e2e="video-author-avatar" href="/@${plain(item.author.uniqueId)}">&#9787;</a>
    ${actionButton('like', `Like video\n${brief(item.stats.diggCount)} likes`, item.stats.diggCount, '', 'aria-pressed="false"')}
    ${actionButton('comment', `Read or add comments\n${item.stats.commentCount} comments`, item.stats.commentCount)}
    ${actionButton('undefined', 'Add to Favorites', item.stats.collectCount)}
    ${actionButton('share', `Share video\n${item.stats.shareCount} shares`, item.stats.shareCount)}
    <a data-e2e="video-music" aria-label="Watch more videos with music ${plain(item.music.title)}" href="/music/sound-${item.music.id}">&#9834;</a>
  </section>`;

function live(item) {
  const owner = item.liveRoomInfo.ownerInfo.uniqueId;
  return `<section data-e2e="feed-video"><a href="/@${owner}/live"><p>LIVE</p><p>${plain(item.liveRoomInfo.title)}</p></a></section>`;
}

function fill(place) {
  const article = articles[place], item = items[place];
  if (article.childElementCount) return;
  article.id = `one-column-item-${place}`;
  const content = item.liveRoomInfo ? live(item) : media(item, place) + bar(item);
  article.append(element(`<div class="css-1k-DivContentFlexLayout">${content}</div>`));
  if (item.liveRoomInfo) return;
  likeable(article.querySelector('button:has([data-e2e="like-icon"])'), item);
  load(article, item, () => place === active && !cinema);
}

function empty(article) {
  unload(article);
  article.removeAttribute('id');
  article.replaceChildren();
}

function activate(place) {
  if (place === active || !articles[place]) return;
  active = place;
  articles.forEach((article, other) => {
    if (Math.abs(other - place) <= 1) fill(other);
    else if (article.childElementCount) empty(article);
    const video = article.querySelector('video');
    if (!video) return;
    if (other === place && !cinema) video.play().catch(() => {});
    else video.pause();
  });
  if (cinema) showCinema();
  arrows();
  if (place >= items.length - 4) more();
  if (++moves === 4) keyboardGuide();
}

function move(by) {
  articles[active + by]?.scrollIntoView({ behavior: 'smooth', block: 'center' });
}

function arrows() {
  const buttons = document.querySelectorAll('aside [class*="DivFeedNavigationContainer"] button');
  [active <= 0, active >= items.length - 1].forEach((off, place) => {
    buttons[place].disabled = off;
    buttons[place].setAttribute('aria-disabled', String(off));
    buttons[place].classList.toggle('TUXButton--disabled', off);
  });
}

function listen() {
  column.addEventListener('scroll', () => activate(Math.round(column.scrollTop / column.clientHeight)));
  document.querySelectorAll('aside button').forEach((button, place) => {
    if (site.nav === 'e2e') button.dataset.e2e = place ? 'feed-navigation-next' : 'feed-navigation-prev';
    if (!failing('dead_button')) button.addEventListener('click', () => move(place ? 1 : -1));
  });
  addEventListener('keydown', event => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || event.target.tagName === 'INPUT') return;
    event.preventDefault();
    if (!failing('dead_keys')) move(by);
  });
  if (failing('dead_wheel')) column.addEventListener('wheel', event => event.preventDefault(), { passive: false });
}

function openCinema() {
  cinema = element(`<div role="dialog" aria-modal="true" aria-label="Cinema mode" class="cinema"><div class="stage"></div>
    <div><button type="button" aria-label="Previous video">&#9650;</button><button type="button" aria-label="Next video">&#9660;</button>
    <button type="button" aria-label="Close">&#10005;</button></div></div>`);
  const [back, next, close] = [...cinema.lastElementChild.children];
  if (!failing('dead_button')) {
    back.addEventListener('click', () => move(-1));
    next.addEventListener('click', () => move(1));
  }
  close.addEventListener('click', () => {
    unload(cinema);
    cinema.remove();
    cinema = null;
    articles[active].querySelector('video')?.play().catch(() => {});
  });
  document.body.append(cinema);
}

function showCinema() {
  const stage = cinema.querySelector('.stage'), item = items[active];
  unload(stage);
  stage.replaceChildren(element(`<div class="css-1k-DivContentFlexLayout">${
    item.liveRoomInfo ? live(item) : `<div class="media">${player(item, 3)}</div>${bar(item)}<div data-e2e="video-desc">${caption(item)}</div>`}</div>`));
  if (item.liveRoomInfo) return;
  likeable(stage.querySelector('button:has([data-e2e="like-icon"])'), item);
  load(stage, item, () => items[active] === item);
}

// The side of a video page: comments that use the like button's words, and links to other videos.
function side() {
  document.getElementById('side-panel').append(
    element('<div data-e2e="comment-level-1"><button aria-label="Like video of the kettle\n3 likes">3</button><p>Like video</p></div>'),
    ...items.slice(1).filter(item => item.id).map(item => element(`<a href="${address(item)}" title="${plain(item.desc)}">${plain(item.desc || '-')}</a>`)),
  );
}

export async function feed() {
  listen();
  await errorCard(column);
  if (site.cinema) openCinema();
  add(site.layout === 'video' ? [stateOf('video-detail').itemInfo.itemStruct] : stateOf('updated-items'));
  activate(0);
  await more();
  if (site.layout === 'video') side();
}
