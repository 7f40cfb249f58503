'use strict';
// The vertical feed: three articles (previous, active, next), recycled. Exactly one is active.
const column = document.getElementById('column');
const buttons = {next: document.getElementById('next'), previous: document.getElementById('previous')};
let known = [], active = null, watch = null, more = true, moving = false;

function take(data) {
  for (const item of data.items)
    if (!known.some(other => other.position === item.position)) known.push(item);
  more = data.hasMore;
}

function append() {
  const articles = column.querySelectorAll('article');
  const last = articles[articles.length - 1];
  const item = known.find(other => !last || other.position === last.item.position + 1);
  if (!item) return false;
  let article = document.createElement('article');
  if (articles.length > 2 && articles[0] !== active && articles[1] !== active) {
    article = articles[0];  // recycled: moves to the end
  }
  fill(article, item);
  column.append(article);
  if (active) column.scrollTop = active.offsetTop;
  return true;
}

async function refill() {
  const data = await site.ask('/api/feed');
  if (data) take(data);
  if (!active.nextElementSibling) append();
  known = known.filter(item => item.position >= active.item.position - 1);
  buttons.previous.disabled = !active.previousElementSibling;
  buttons.next.disabled = !active.nextElementSibling && !more;
}

async function onto(article) {
  if (article === active || moving) return;
  moving = true;
  const left = watch;
  if (active) rest(active);
  active = article;
  watch = await activate(article);
  if (!article.nextElementSibling) append();
  moving = false;
  if (left) {
    await left.tell();
    await refill();
  }
}

async function go(direction) {
  if (!active) return;
  if (direction > 0 && !active.nextElementSibling) await refill();
  const target = direction > 0 ? active.nextElementSibling : active.previousElementSibling;
  if (target) target.scrollIntoView({behavior: 'instant', block: 'start'});
}

column.addEventListener('scroll', () => {
  const middle = column.getBoundingClientRect().top + column.clientHeight / 2;
  for (const article of column.children) {
    const box = article.getBoundingClientRect();
    if (box.top <= middle && middle < box.bottom) onto(article);
  }
});
buttons.next.onclick = () => go(1);
buttons.previous.onclick = () => go(-1);
addEventListener('keydown', event => {
  if (event.target.tagName === 'INPUT') return;
  if (event.key === 'ArrowDown') { event.preventDefault(); go(1); }
  if (event.key === 'ArrowUp') { event.preventDefault(); go(-1); }
  if (event.key === 'l') active?.querySelector('.like')?.click();
});
addEventListener('pagehide', () => { if (watch) watch.tellLast(); });

const first = site.state();
if (first) {
  take(first);
  document.getElementById('feed-end').hidden = !first.end;
  if (append()) { onto(column.firstElementChild); column.focus(); }
}
