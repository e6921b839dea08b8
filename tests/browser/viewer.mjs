/**
 * A viewer: opens a page in a real Chromium and tells what happens there.
 *
 *   node viewer.mjs URL
 *
 * Commands come as lines on standard input, each is answered by one line of JSON on standard output:
 *
 *   state             what the page and its video element say, and what was appended so far
 *   screenshot PATH   a picture of the page
 *   open URL          goes to another page
 *   click SELECTOR    as a person would
 *   colours NAME      `light` or `dark`, as the person prefers
 *   asked             the hosts, with their ports, that were asked for anything since this was asked last
 *   axe               the serious and critical violations that axe-core finds on the page
 *   stop              ends the browser and this program; so does the end of standard input
 *
 * The first line is `{"ready": true}`. A command that fails is answered `{"error": "…"}`.
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { watchAppends } from './appends.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Names that lead here: a page at such an address is no secure context, as at one of a LAN.
  '--host-resolver-rules=MAP *.test 127.0.0.1',
];

const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

const [url] = process.argv.slice(2);
if (!url) {
  process.stderr.write('usage: node viewer.mjs URL\n');
  process.exit(64);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ARGUMENTS,
});
const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
page.on('console', (message) => process.stderr.write(`${message.type()}: ${message.text()}\n`));
page.on('pageerror', (error) => process.stderr.write(`page error: ${error.stack ?? error}\n`));
page.on('requestfailed', (request) =>
  process.stderr.write(`failed: ${request.url()} ${request.failure()?.errorText}\n`),
);
const asked = new Set();
page.on('request', (request) => asked.add(new URL(request.url()).host));
await page.addInitScript(watchAppends);
await page.goto(url, { waitUntil: 'domcontentloaded' });

/** Runs in the page. */
const look = async () => {
  const video = document.querySelector('video');
  return {
    page: window.boxmesh ? JSON.parse(JSON.stringify(window.boxmesh)) : null,
    video: video && {
      currentTime: video.currentTime,
      paused: video.paused,
      readyState: video.readyState,
      width: video.videoWidth,
      pictures: video.getVideoPlaybackQuality().totalVideoFrames,
      error: video.error?.message ?? null,
    },
    media: await window.__appended.hashes(),
    secure: window.isSecureContext,
    text: document.body.innerText,
  };
};

/** Evaluated, not put into the page: that allows scripts of its own only. */
const axe = async () => {
  const path = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
  await page.evaluate(await readFile(path, 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run(document));
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
};

const obey = async (command, argument) => {
  switch (command) {
    case 'state':
      return page.evaluate(look);
    case 'screenshot':
      await page.screenshot({ path: argument });
      return {};
    case 'open':
      await page.goto(argument, { waitUntil: 'domcontentloaded' });
      return {};
    case 'click':
      await page.click(argument, { timeout: 10_000 });
      return {};
    case 'colours':
      await page.emulateMedia({ colorScheme: argument });
      return {};
    case 'asked': {
      const hosts = [...asked];
      asked.clear();
      return { hosts };
    }
    case 'axe':
      return { violations: await axe() };
    default:
      throw new Error(`no such command: ${command}`);
  }
};

say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(' ', 2);
  if (command === 'stop') break;
  try {
    say(await obey(command, argument));
  } catch (error) {
    say({ error: String(error) });
  }
}
await browser.close();
// Standard input may be open still.
process.exit(0);
