// Lists of cards (search, tag, explore), filled from API answers only, and the browse mode over them.
import {
  actionButton, address, ask, brief, caption, cover, element, failing, likeable, load, plain, player, presence, site, unload,
} from './tiktok_common.js';
import { errorCard, openLogin } from './tiktok_walls.js';

const topic = encodeURIComponent(site.topic || '');
const LISTS = {
  search_top: { path: `/api/search/general/full/?keyword=${topic}`, items: answer => (answer.data || []).filter(one => one.type === 1).map(one => one.item) },
  search_video: { path: `/api/search/item/full/?keyword=${topic}`, items: answer => answer.item_list || [] },
  challenge: { path: `/api/challenge/item_list/?challengeName=${topic}`, items: answer => answer.itemList || [] },
  explore: { path: '/api/explore/item_list/?categoryType=120', items: answer => answer.itemList || [] },
};
const list = LISTS[site.list];
const shown = [];
let cursor = 0, left = true, busy = false, stopped = false;
const main = document.querySelector('main'), grid = document.getElementById('list'), end = document.getElementById('list-end');

function card(item, place) {
  const kind = site.list, search = kind.startsWith('search');
  const about = search
    ? `<div data-e2e="search-card-desc"><div data-e2e="search-card-video-caption">${caption(item)}</div>
       <a data-e2e="search-card-user-link" href="/@${plain(item.author.uniqueId)}"><p data-e2e="search-card-user-unique-id">${plain(item.author.uniqueId)}</p></a></div>`
    : `<div data-e2e="${kind}-card-desc"><a data-e2e="${kind}-card-user-link" href="/@${plain(item.author.uniqueId)}"><p data-e2e="${kind}-card-user-unique-id">${plain(item.author.uniqueId)}</p></a></div>`;
  const preview = place === 0 && kind === 'explore' ? player(item, 1) : '';
  const made = element(`<div id="column-item-video-container-${place}" class="css-1l-DivItemContainerV2">
    <div data-e2e="${kind}-item" class="css-1l-DivContainer" tabindex="0" role="button" aria-label="Watch in full screen">
      <a class="card" href="https://www.tiktok.com${address(item)}" tabindex="-1"><canvas width="75" height="100" hidden></canvas>
      <img alt="${plain(item.desc)}" src="${cover(item)}">${preview}<span>${brief(item.stats.diggCount)}</span></a></div>${about}</div>`);
  made.querySelector('a.card').addEventListener('click', event => {
    event.preventDefault();
    browse(place);
  });
  if (preview) load(made, item, () => true);
  return made;
}

async function more() {
  if (busy || stopped || !left) return;
  busy = true;
  const answer = await ask(`${list.path}&cursor=${cursor}`);
  const items = list.items(answer);
  left = Boolean(answer.has_more || answer.hasMore) && items.length > 0;
  cursor = Number(answer.cursor || 0);
  items.forEach(item => {
    grid.append(card(item, shown.length));
    shown.push(item);
  });
  const search = site.list.startsWith('search');
  if (search && answer.has_more === 0) {
    end.append(element(shown.length ? '<p>No more results</p>' : '<div><p>No results found</p><p>Try another search.</p></div>'));
  } else if (site.list === 'challenge' && answer.hasMore === false && !shown.length) {
    end.append(element('<p>No results found</p>'));
  }
  if (search && failing('login_search')) {
    stopped = true;
    end.append(element('<div><p>Log in to see more search results</p><button type="button">Log in</button></div>'));
    end.querySelector('button').addEventListener('click', openLogin);
  }
  busy = false;
}

const nearEnd = () => main.scrollTop + main.clientHeight > main.scrollHeight - 200;

export async function cards() {
  const header = { challenge: `<h1 data-e2e="challenge-title">#${plain(site.topic)}</h1>`, explore: '<h1>Explore</h1>' };
  document.getElementById('list-header').append(element(header[site.list] || `<h2 data-e2e="search-top-video-title">Videos</h2>`));
  grid.dataset.e2e = `${site.list}-item-list`;
  await errorCard(grid);
  await presence;
  await more();
  main.addEventListener('scroll', () => nearEnd() && more());
}

let dialog = null, at = -1;

async function browse(place) {
  if (place >= shown.length) await more();
  const item = shown[place];
  if (!item) return;
  if (dialog) {
    unload(dialog);
    dialog.remove();
    history.replaceState({ browse: true }, '', address(item));
  } else {
    history.pushState({ browse: true }, '', address(item));
  }
  grid.querySelector('video')?.pause();
  at = place;
  dialog = element(`<div tabindex="0" role="dialog" aria-modal="true" class="css-1m-DivBrowserModeContainer DivBrowserModeContainer">
    <div class="css-1m-DivVideoContainer"><div class="media"><div data-e2e="browse-video" class="css-1m-DivBasicPlayerWrapper">${player(item, 2)}</div></div>
      <button role="button" aria-label="Close" data-e2e="browse-close">&#10005;</button>
      <button role="button" aria-label="Volume" data-e2e="browse-sound" aria-pressed="true">&#128263;</button>
      <button data-e2e="arrow-left" role="button" aria-label="Go to previous video" ${place ? '' : 'disabled'}>&#9650;</button>
      <button data-e2e="arrow-right" role="button" aria-label="Go to next video" ${place + 1 < shown.length || left ? '' : 'disabled'}>&#9660;</button></div>
    <div class="css-1m-DivContentContainer browse">
      <a href="/@${plain(item.author.uniqueId)}"><span data-e2e="browse-username">${plain(item.author.uniqueId)}</span></a>
      <div data-e2e="browse-video-desc">${caption(item)}</div>
      ${item.adLabelVersion === 2 ? '<div data-e2e="sponsored-tag"><p>Paid partnership</p></div>' : ''}
      <h4 data-e2e="browse-music"><a href="/music/sound-${item.music.id}">${plain(item.music.title)}</a></h4>
      <div class="row">${actionButton('like', `${brief(item.stats.diggCount)} Likes`, item.stats.diggCount, 'browse-', 'aria-pressed="false"')}
        ${actionButton('comment', 'Comments', item.stats.commentCount, 'browse-')}
        ${actionButton('undefined', 'Add to Favorites', item.stats.collectCount)}</div></div></div>`);
  const on = (name, act) => dialog.querySelector(`[data-e2e="${name}"]`).addEventListener('click', act);
  on('browse-close', () => history.back());
  if (!failing('dead_button')) {
    on('arrow-left', () => browse(place - 1));
    on('arrow-right', () => browse(place + 1));
  }
  likeable(dialog.querySelector('button:has([data-e2e="browse-like-icon"])'), item);
  document.body.append(dialog);
  dialog.focus();
  const mine = dialog;
  if (!(await load(mine, item, () => mine.isConnected))) {
    mine.querySelector('[data-e2e="browse-video"]').replaceChildren(element('<p>Video currently unavailable</p>'));
  }
}

addEventListener('popstate', () => {
  if (!dialog) return;
  unload(dialog);
  dialog.remove();
  dialog = null;
});

addEventListener('keydown', event => {
  if (!dialog || event.target.tagName === 'INPUT') return;
  if (event.key === 'Escape') history.back();
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!by) return;
  event.preventDefault();
  if (!failing('dead_keys') && at + by >= 0) browse(at + by);
});
