/**
 * Pictures of the pages of a mesh that runs, for the documents.
 *
 *   node screenshots.mjs TRACKER-URL FOLDER [NAME…]
 */
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const PHONE = { width: 360, height: 740 };
const LAPTOP = { width: 1100, height: 700 };
const WIDE = { width: 1720, height: 900 };
const SHOTS = [
  { name: 'channels-laptop-light', path: '/', size: LAPTOP, colours: 'light' },
  { name: 'channels-phone-dark', path: '/', size: PHONE, colours: 'dark' },
  {
    name: 'watch-laptop-dark',
    path: '/watch/demo',
    size: LAPTOP,
    colours: 'dark',
  },
  {
    name: 'watch-phone-light',
    path: '/watch/demo',
    size: PHONE,
    colours: 'light',
  },
  { name: 'status-wide-light', path: '/status', size: WIDE, colours: 'light' },
  { name: 'status-phone-dark', path: '/status', size: PHONE, colours: 'dark' },
];
/** Long enough for a picture, and for what the panel draws. */
const PLAYING_SECONDS = 12;
const LIMIT_MS = 60_000;

const [tracker, folder, ...names] = process.argv.slice(2);
if (!tracker || !folder) {
  process.stderr.write('usage: node screenshots.mjs TRACKER-URL FOLDER [NAME…]\n');
  process.exit(64);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
for (const shot of SHOTS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const context = await browser.newContext({
    viewport: shot.size,
    colorScheme: shot.colours,
    locale: 'en-GB',
    hasTouch: shot.size === PHONE,
  });
  const page = await context.newPage();
  await page.goto(new URL(shot.path, tracker).href);
  if (shot.path.startsWith('/watch/')) {
    const playing = (seconds) =>
      document.querySelector('video')?.played.length > 0 &&
      window.boxmesh?.state === 'playing' &&
      performance.now() > 1000 * seconds;
    await page.waitForFunction(playing, PLAYING_SECONDS, { timeout: LIMIT_MS });
  } else {
    await page.waitForSelector(shot.path === '/' ? '.cover img' : '.mesh-picture', {
      timeout: LIMIT_MS,
    });
  }
  await page.screenshot({ path: join(folder, `${shot.name}.png`) });
  await context.close();
}
await browser.close();
