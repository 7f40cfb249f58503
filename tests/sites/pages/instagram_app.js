// The pages of the Instagram test server: walls, a single post, the reels tab, the search's grid.
const site = JSON.parse(document.getElementById('site-config').textContent);
const mount = document.getElementById('mount');
const failing = name => site.faults.includes(name);
const plain = text => String(text).replace(/[&<>"]/g, sign => `&#${sign.charCodeAt(0)};`);

if (site.moved) history.replaceState(null, '', site.moved);  // the address after the redirect

function element(markup) {
  const template = document.createElement('template');
  template.innerHTML = markup.trim();
  return template.content.firstElementChild;
}

function style(rules) {
  document.head.append(element(`<style>${rules}</style>`));
}

async function ask(path, name, variables) {
  const body = new URLSearchParams({ fb_api_req_friendly_name: name, variables: JSON.stringify(variables) });
  return (await fetch(path, { method: 'POST', body })).json();
}

// What came with the page in a `data-sjs` script under this name.
function prefetched(name) {
  const inside = value => {
    if (!value || typeof value !== 'object') return undefined;
    if (name in value) return value[name];
    for (const part of Object.values(value)) {
      const found = inside(part);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return [...document.querySelectorAll('script[data-sjs]')].map(script => inside(JSON.parse(script.textContent)))
    .find(found => found !== undefined);
}

const icon = (name, size = 24) =>
  `<svg aria-label="${name}" role="img" width="${size}" height="${size}" viewBox="0 0 24 24"><title>${name}</title>` +
  '<path d="M2 9 12 21 22 9 17 4 12 8 7 4z"/></svg>';
const button = (inside, label = '') =>
  `<div role="button" tabindex="0" ${label && `aria-label="${label}"`} class="x1i10hfl"><div class="x6s0dn4">${inside}</div></div>`;

// One post: its player (a video, or the first picture of a photo post), and the buttons beside it.
function post(item, kind) {
  const player = item.video_versions
    ? '<video playsinline class="x1lliihq"></video>'
    : `<img alt="" src="${item.image_versions2.candidates[0].url}" style="width: 405px; height: 720px">`;
  const root = element(`<div class="x78zum5">
    <div class="x5yr21d">${player}<span dir="auto">${plain(item.caption?.text ?? '')}</span></div>
    <div class="xdt5ytf">${button(icon('Like'))}<span>${item.like_count}</span>${button(icon('Comment'))}
      <a href="/${item.user.username}/reels/">${plain(item.user.username)}</a>
      <a href="/${kind}/${item.code}/"><time>1w</time></a>
      <a href="/reels/audio/5/">audio</a></div></div>`);
  const heart = root.querySelector('[role="button"]');
  let liked = false;
  const show = on => {
    liked = on;
    heart.firstElementChild.innerHTML = icon(on ? 'Unlike' : 'Like');
  };
  heart.addEventListener('click', async () => {
    const wanted = !liked;
    show(wanted);
    const answer = await ask('/api/graphql', 'usePolarisLikeMediaXIGLikeMutation', { code: item.code, like: wanted });
    const stored = answer.data.media.has_liked;
    if (stored !== wanted) setTimeout(() => show(stored), 600);
  });
  root.dataset.code = item.code;
  return root;
}

async function play(root, item) {
  const video = root.querySelector('video');
  if (!video || video.src) return;
  const bytes = await (await fetch(item.video_versions[0].url)).blob();
  video.src = URL.createObjectURL(bytes);
  video.loop = video.muted = video.autoplay = true;
  video.defaultPlaybackRate = video.playbackRate = site.rate;
}

function page(inside) {
  mount.append(element(`<div class="x9f619">
    <nav>${site.logged_in ? `<a href="/">${icon('Home')}</a><a href="/direct/inbox/">${icon('Direct')}</a>` :
      '<a href="/accounts/login/">Log in</a>'}</nav>
    <main role="main">${inside}</main></div>`));
  style('body {margin: 0} nav {position: fixed; z-index: 2; width: 60px} main {margin-left: 80px} svg {display: block}');
  return mount.querySelector('main');
}

function reels() {
  const main = page('<div class="x1qjc9v5"></div>');
  const column = main.firstElementChild;
  style(`.x1qjc9v5 {height: 100vh; overflow-y: scroll; scroll-snap-type: y mandatory}
    .x1qjc9v5 > div {height: 100vh; scroll-snap-align: start; display: flex}
    .x1qjc9v5 video {height: 100vh; width: calc(100vh * 9 / 16)}
    [aria-label="Reels navigation controls"] {position: fixed; right: 20px; top: 45%}`);
  mount.append(element(`<div aria-label="Reels navigation controls" role="toolbar">
    ${button('↑', 'Navigate to previous Reel')}${button('↓', 'Navigate to next Reel')}</div>`));
  const items = [];
  let asking = null;
  const add = connection => {
    for (const { node: { media } } of connection.edges) {
      items.push(media);
      column.append(post(media, 'reels'));
    }
  };
  const here = () => Math.round(column.scrollTop / column.clientHeight);
  const more = () => {
    asking ??= ask('/graphql/query', 'PolarisClipsTabDesktopPaginationQuery', {
      after: String(items.length), data: { container_module: 'clips_tab_desktop_page' }, first: 10,
    }).then(answer => {
      add(answer.data.xdt_api__v1__clips__home__connection_v2);
      asking = null;
    });
    return asking;
  };
  let told = -1;
  const tell = place => {  // the address is that of the reel to come while the column still scrolls
    if (place === told || !items[place]) return;
    told = place;
    history.replaceState(null, '', `/reels/${items[place].code}/`);
    for (const [at, root] of [...column.children].entries()) {
      if (Math.abs(at - place) <= 1) play(root, items[at]);
    }
    if (place > items.length - 4) more();
  };
  const go = step => {
    const place = here() + step;
    if (!column.children[place]) return;
    tell(place);
    column.children[place].scrollIntoView({ behavior: 'smooth' });
  };
  column.addEventListener('scrollend', () => tell(here()));
  document.addEventListener('keydown', event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    go(step);
  });
  const [up, down] = mount.querySelectorAll('[role="toolbar"] [role="button"]');
  up.addEventListener('click', () => go(-1));
  if (!failing('dead_button')) down.addEventListener('click', () => go(1));
  add(prefetched('xdt_api__v1__clips__home__connection_v2'));
  tell(0);
}

function search() {
  const main = page('<h1 dir="auto"></h1><div class="x1e56ztr"></div>');
  main.firstElementChild.textContent = site.words;
  style('.x1e56ztr {display: grid; grid-template-columns: repeat(3, 260px)} .x1e56ztr a {height: 460px}');
  let cursor = null, asking = false;
  const more = async () => {
    if (asking) return;
    asking = true;
    const answer = await ask('/graphql/query', 'PolarisKeywordSearchExplorePageRelayQuery', { query: site.words, after: cursor });
    const { edges, page_info: { end_cursor, has_next_page } } = answer.data.xdt_fbsearch__top_serp_graphql;
    for (const item of edges.flatMap(edge => edge.node.items)) {
      const kind = item.media_type === 2 ? 'reel' : 'p';
      main.lastElementChild.append(element(`<a href="/${kind}/${item.code}/" role="link">
        <img alt="" src="${item.image_versions2.candidates[0].url}"></a>`));
    }
    cursor = end_cursor;
    asking = !has_next_page;
  };
  addEventListener('scroll', () => {
    if (scrollY + innerHeight > document.body.scrollHeight - 600) more();
  });
  ask('/graphql/query', 'PolarisFeedTimelineRootV2Query', {});
  more();
}

// A dialog that takes keys and clicks until one of its two buttons is pressed.
function dialog(words, yes, no, chosen) {
  const root = element(`<div style="position: fixed; inset: 0; z-index: 9; background: #0009">
    <div role="dialog" style="margin: 200px auto; width: 400px; background: #fff"><span>${words}</span><div class="_a9-z">
    <button class="_a9-- _ap36 _a9_0">${yes}</button><button class="_a9-- _ap36 _a9_1">${no}</button></div></div></div>`);
  const hold = event => event.stopImmediatePropagation();
  addEventListener('keydown', hold, true);
  for (const [choice, css] of [['allowed', '._a9_0'], ['declined', '._a9_1']]) {
    root.querySelector(css).addEventListener('click', async () => {
      await chosen(choice);
      root.remove();
      removeEventListener('keydown', hold, true);
    });
  }
  mount.append(root);
}

const views = {
  home: () => page('<article></article>'),
  reels,
  search,
  post() {
    const main = page('<article></article>');
    style('article video {height: 100vh; width: calc(100vh * 9 / 16)} article > div {display: flex}');
    const root = post(site.item, site.item.video_versions ? 'reel' : 'p');
    main.firstElementChild.append(root);
    play(root, site.item);
  },
  gone: () => page(`<h2>${plain(site.words)}</h2><span>The link you followed may be broken.</span>`),
  login: () => page(`<form id="loginForm" method="post"><label>Username<input name="username"></label>
    <label>Password<input name="password" type="password"></label><button type="submit">Log in</button></form>`),
  challenge: () => page('<h2>Confirm that you are a person</h2><form><button>Continue</button></form>'),
};
views[site.view]();
if (failing('popup')) dialog('Turn on Notifications', 'Turn On', 'Not Now', () => {});
if (failing('consent')) {
  dialog('Allow the use of cookies from Instagram on this browser?', 'Allow all cookies', 'Decline optional cookies',
    choice => ask('/api/graphql', 'chosen_cookies', { choice }));
}
