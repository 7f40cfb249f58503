'use strict';
// Result cards; the next page comes when the end of the list scrolls near.
const query = new URLSearchParams(location.search).get('q') || '';
const cards = document.getElementById('cards');
let cursor = 0, more = false, loading = false;

function add(data) {
  for (const item of data.items) {
    const row = document.createElement('li');
    row.className = 'card';
    row.dataset.id = item.id;
    const box = document.createElement(item.id ? 'a' : 'div');
    if (item.id) box.href = '/short/' + item.id;
    const hue = [...(item.id || item.author.handle)].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 360, 7);
    box.style.background = `linear-gradient(hsl(${hue} 45% 45%), hsl(${(hue + 70) % 360} 45% 20%))`;
    for (const [name, text] of [['caption', item.desc], ['author', '@' + item.author.handle]])
      box.append(Object.assign(document.createElement('span'), {className: name, textContent: text}));
    row.append(box);
    cards.append(row);
  }
  cursor = data.cursor;
  more = data.hasMore;
  cards.dataset.count = cards.children.length;
  cards.dataset.more = more;
}

async function next() {
  if (!more || loading) return;
  loading = true;
  const data = await site.ask(`/api/search?q=${encodeURIComponent(query)}&cursor=${cursor}`);
  if (data) add(data); else more = false;
  loading = false;
}

const first = site.state();
if (first) {
  add(first);
  if (!first.items.length && first.cursor) {
    const none = document.getElementById('no-results');
    none.textContent = site.words.empty;
    none.hidden = false;
  }
}
new IntersectionObserver(entries => { if (entries.some(entry => entry.isIntersecting)) next(); }, {rootMargin: '80px'})
  .observe(document.getElementById('end'));
addEventListener('scroll', () => {
  if (innerHeight + scrollY > document.documentElement.scrollHeight - 120) next();
});
