// Starts what the page's settings ask for.
import { site } from './tiktok_common.js';
import { cards } from './tiktok_cards.js';
import { feed } from './tiktok_feed.js';
import { raise } from './tiktok_walls.js';

raise();
if (site.layout === 'cards') cards();
else if (site.layout !== 'none') feed();
