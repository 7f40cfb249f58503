'use strict';
// The page of one short.
const state = site.state();
let watch = null;
if (state && state.status === 'ok') {
  const article = document.createElement('article');
  fill(article, state.item);
  document.getElementById('column').append(article);
  activate(article).then(begun => { watch = begun; });
} else if (state && state.status === 'again') {
  site.failed();
} else if (state) {
  const gone = document.getElementById('unavailable');
  gone.dataset.id = state.id;
  gone.dataset.cause = state.status;
  gone.textContent = `${site.words.unavailable} (${state.status})`;
  gone.hidden = false;
}
addEventListener('keydown', event => {
  if (event.key === 'l' && event.target.tagName !== 'INPUT') document.querySelector('.like')?.click();
});
addEventListener('pagehide', () => { if (watch) watch.tellLast(); });
