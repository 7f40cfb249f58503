// Everything that may stand before the content: each only where its fault says so.
import { element, failing, site } from './tiktok_common.js';

export function openLogin() {
  if (document.getElementById('login-modal')) return;
  const title = document.title;
  const layer = element(`<div id="login-layer" class="css-1h-DivModalContainer"><div class="css-1h-DivModalMask"></div>
    <div class="css-1h-DivCenterWrapper"><div data-e2e="" tabindex="0" id="login-modal" class="css-1h-DivContentContainer">
      <div id="loginModalContentContainer" role="dialog" aria-modal="true" aria-labelledby="login-modal-title" data-e2e="login-modal" class="css-1h-DivModalContent">
        <h2 data-e2e="login-title" id="login-modal-title">Log in to TikTok</h2>
        <div tabindex="0" role="link" data-e2e="channel-item">Use QR code</div>
        <div tabindex="0" role="link" data-e2e="channel-item">Use phone / email / username</div>
      </div>
      <div data-e2e="modal-close-inner-button" role="button" tabindex="0" aria-label="Close" class="css-1h-DivCloseWrapper">&#10005;</div>
    </div></div></div>`);
  layer.querySelector('[data-e2e="modal-close-inner-button"]').addEventListener('click', () => {
    layer.remove();
    document.title = title;
  });
  document.body.append(layer);
  document.title = 'Log in | TikTok';
}

function openCaptcha() {
  document.body.append(element(`<div data-floating-ui-portal=""><div class="TUXModal-overlay" data-transition-status="open">
    <div class="TUXModal captcha-verify-container" data-width="small" tabindex="0" role="dialog">
      <div id="captcha-verify-container-main-page" aria-modal="true" role="main">
        <button type="button" id="captcha_close_button" aria-label="Close">&#10005;</button>
        <span>Drag the puzzle piece into place</span>
        <div><img id="captcha-verify-image" alt="captcha_whirl_title" draggable="false"></div>
        <button type="button" id="captcha_slide_button" aria-disabled="true">&#8594;</button>
        <button type="button" id="captcha_refresh_button">&#8635;</button>
      </div></div></div></div>`));
}

// The banner's element is on every page; its buttons can be seen only where consent is asked for.
function cookieBanner() {
  const host = document.querySelector('tiktok-cookie-banner');
  const root = host.attachShadow({ mode: 'open' });
  const asks = failing('consent') && !document.cookie.includes('cookie-consent=');
  root.innerHTML = `<div class="tiktok-cookie-banner" style="display: ${asks ? 'block' : 'none'}; position: fixed; inset: auto 0 0; padding: 24px; background: #fff; color: #111; z-index: 60">
    <p>Allow cookies on this browser?</p>
    <div class="button-wrapper"><button>Decline optional cookies</button> <button>Allow all</button></div></div>`;
  root.addEventListener('click', event => {
    if (event.target.tagName !== 'BUTTON') return;
    document.cookie = 'cookie-consent=chosen; path=/';
    root.firstElementChild.style.display = 'none';
  });
}

// Once there is an error instead of the list; `Refresh` brings the list.
export function errorCard(parent) {
  if (!failing('error_card')) return Promise.resolve();
  const card = element(`<div class="css-1i-DivErrorContainer"><p>Something went wrong</p><p>Sorry about that! Please try again later.</p>
    <button type="button">Refresh</button></div>`);
  parent.append(card);
  return new Promise(done => card.querySelector('button').addEventListener('click', () => {
    card.remove();
    done();
  }));
}

let guided = false;
export function keyboardGuide() {
  if (guided || !failing('keyboard_guide')) return;
  guided = true;
  const guide = element(`<div role="dialog" class="css-1j-DivKeyboardGuide"><p>Introducing keyboard shortcuts!</p><p>Go to next video &#9660;</p>
    <button type="button" aria-label="Close">&#10005;</button></div>`);
  const take = event => {
    if (event.key === 'Escape') close();
    event.stopPropagation();
    event.preventDefault();
  };
  const close = () => {
    guide.remove();
    removeEventListener('keydown', take, true);
  };
  addEventListener('keydown', take, true);
  guide.querySelector('button').addEventListener('click', close);
  document.body.append(guide);
}

export function raise() {
  cookieBanner();
  const button = document.getElementById('header-login-button');
  if (site.logged_in) button.remove();
  else button.addEventListener('click', openLogin);
  if (failing('login')) setTimeout(openLogin, 200);
  if (failing('captcha')) setTimeout(openCaptcha, 200);
}
