/**
 * How a player does, in a real Chromium: when its first picture comes, and how old what it shows is.
 *
 *   node measure.mjs page URL LOADS SECONDS      our watch page at URL
 *   node measure.mjs dashjs URL LOADS SECONDS    dash.js, unmodified and as it is set by itself, with the manifest at URL
 *
 * What is published has to carry its clock (bench's `watching/clock.rs`). Prints one line of JSON: milliseconds from
 * navigation to the first picture, of each load; milliseconds from the clock in a picture to when it was shown, five a
 * second for SECONDS; pictures whose clock could not be read; and of our page its `window.boxmesh` and the share of the
 * main thread's time, in percent, that was spent on opening seals.
 */
import { createReadStream } from 'node:fs';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
];
const DASHJS = new URL('../players/node_modules/dashjs/dist/modern/umd/dash.all.min.js', import.meta.url);

/** A player that has just begun finds its distance first. */
const SETTLES_MS = 5_000;
const FIRST_LIMIT_MS = 60_000;

const [player, url, loads, seconds] = process.argv.slice(2);
if (!['page', 'dashjs'].includes(player) || !url || !(Number(loads) > 0) || !(Number(seconds) > 0)) {
  process.stderr.write('usage: node measure.mjs page|dashjs URL LOADS SECONDS\n');
  process.exit(64);
}

const server = createServer((request, response) => {
  if (request.url === '/dash.js') {
    response.setHeader('content-type', 'text/javascript');
    createReadStream(fileURLToPath(DASHJS)).pipe(response);
    return;
  }
  const begin = `dashjs.MediaPlayer().create().initialize(document.querySelector('video'), ${JSON.stringify(url)}, true)`;
  response.setHeader('content-type', 'text/html');
  response.end(`<!doctype html><video muted playsinline></video><script src="/dash.js"></script><script>${begin}</script>`);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const address = player === 'page' ? url : `http://127.0.0.1:${server.address().port}/`;

/** Runs in the page before its own scripts: notes when the first picture is shown. */
const noteFirst = () => {
  const look = () => {
    const video = document.querySelector('video');
    if (!video) requestAnimationFrame(look);
    else video.requestVideoFrameCallback((now) => (window.__first = now));
  };
  look();
};

/** Runs in the page: the ages of pictures, by the clock in their first two rows of squares. */
const readClocks = async (seconds) => {
  const [columns, side] = [40, 16];
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [columns * side, 2 * side];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const video = document.querySelector('video');
  const isLight = (data, column, row) => {
    const at = ((row + 0.5) * side * canvas.width + (column + 0.5) * side) * 4;
    return data[at] > 127;
  };
  const age = () => {
    context.drawImage(video, 0, 0, canvas.width, canvas.height, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let clock = 0;
    for (let column = 0; column < columns; column += 1) {
      const bit = isLight(data, column, 0);
      // The second row is the first one's opposite: whatever is blurred shows.
      if (isLight(data, column, 1) === bit) return null;
      clock = clock * 2 + (bit ? 1 : 0);
    }
    return (Date.now() % 2 ** columns) - clock;
  };
  const ages = [];
  let unread = 0;
  const end = performance.now() + 1000 * seconds;
  while (performance.now() < end) {
    await new Promise((shown) => video.requestVideoFrameCallback(shown));
    const found = age();
    if (found === null) unread += 1;
    else ages.push(found);
    await new Promise((done) => setTimeout(done, 200));
  }
  return { ages, unread };
};

/** The share of the main thread's time, in percent, in functions of the chunk that opens seals. */
async function verifying(page, seconds) {
  const session = await page.context().newCDPSession(page);
  await session.send('Profiler.enable');
  await session.send('Profiler.setSamplingInterval', { interval: 200 });
  await session.send('Profiler.start');
  await page.waitForTimeout(1000 * seconds);
  const { profile } = await session.send('Profiler.stop');
  const isOurs = new Set(
    profile.nodes
      .filter(({ callFrame }) => /\/assets\/verify-[^/]*\.js$/.test(callFrame.url))
      .map(({ id }) => id),
  );
  if (isOurs.size === 0) throw new Error('no function that opens seals was ever seen: is the chunk called otherwise?');
  const spent = profile.timeDeltas.reduce(
    (sum, delta, index) => sum + (isOurs.has(profile.samples[index]) ? Math.max(0, delta) : 0),
    0,
  );
  return (100 * spent) / (profile.endTime - profile.startTime);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ARGUMENTS,
});

async function open() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  const page = await context.newPage();
  page.on('pageerror', (error) => process.stderr.write(`page error: ${error}\n`));
  await page.addInitScript(noteFirst);
  await page.goto(address, { waitUntil: 'commit' });
  await page.waitForFunction(() => window.__first, null, { timeout: FIRST_LIMIT_MS, polling: 50 });
  return page;
}

const first = [];
for (let load = 0; load < Number(loads); load += 1) {
  const page = await open();
  first.push(await page.evaluate(() => window.__first));
  await page.context().close();
}
const page = await open();
await page.waitForTimeout(SETTLES_MS);
const { ages, unread } = await page.evaluate(readClocks, Number(seconds));
const found = { first, ages, unread, page: null, verifying: null };
if (player === 'page') {
  found.verifying = await verifying(page, Number(seconds));
  found.page = await page.evaluate(() => JSON.parse(JSON.stringify(window.boxmesh)));
}
process.stdout.write(`${JSON.stringify(found)}\n`);
await browser.close();
server.close();
process.exit(0);
