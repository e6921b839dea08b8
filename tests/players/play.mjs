/**
 * A stock player plays a manifest in a real Chromium, and what came of it is told.
 *
 *   node play.mjs dashjs|dashjs-low|shaka|shaka-low|hlsjs|hlsjs-low URL SECONDS
 *
 * Prints one line of JSON: the time played, the pictures decoded, how long the first picture took and how long it
 * stood still afterwards, how far behind live it was at the end, and what the player complained of.
 */
import { createServer } from 'node:http';
import { createReadStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const SCRIPTS = {
  dashjs: 'dashjs/dist/modern/umd/dash.all.min.js',
  shaka: 'shaka-player/dist/shaka-player.compiled.js',
  hlsjs: 'hls.js/dist/hls.min.js',
};

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--autoplay-policy=no-user-gesture-required',
];

const [player, url, seconds] = process.argv.slice(2);
const [kind, mode] = (player ?? '').split('-');
if (!SCRIPTS[kind] || !url || !(Number(seconds) > 0)) {
  process.stderr.write('usage: node play.mjs dashjs|dashjs-low|shaka|shaka-low|hlsjs|hlsjs-low URL SECONDS\n');
  process.exit(64);
}

const server = createServer((request, response) => {
  if (request.url === '/player.js') {
    response.setHeader('content-type', 'text/javascript');
    createReadStream(fileURLToPath(new URL(`node_modules/${SCRIPTS[kind]}`, import.meta.url))).pipe(response);
    return;
  }
  response.setHeader('content-type', 'text/html');
  response.end('<!doctype html><video muted playsinline></video><script src="/player.js"></script>');
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ARGUMENTS,
});
const page = await browser.newPage();
page.on('pageerror', (error) => process.stderr.write(`page error: ${error}\n`));
await page.goto(`http://127.0.0.1:${server.address().port}/`);

/** Runs in the page. */
const play = async ({ kind, low, url, seconds }) => {
  const video = document.querySelector('video');
  const complaints = [];
  const complain = (what) => complaints.length < 8 && complaints.push(String(what).slice(0, 200));
  const start = performance.now();
  let latency = () => null;
  if (kind === 'dashjs') {
    const player = window.dashjs.MediaPlayer().create();
    player.on('error', (event) => complain(event.error?.message ?? event.error));
    player.initialize(video, url, true);
    latency = () => player.getCurrentLiveLatency();
  } else if (kind === 'shaka') {
    const player = new window.shaka.Player();
    await player.attach(video);
    player.addEventListener('error', (event) => complain(`${event.detail.code} ${event.detail.data}`));
    player.configure({ streaming: { lowLatencyMode: low } });
    player.load(url).catch((error) => complain(`${error.code} ${error.data}`));
    // Its own idea of it in low latency takes the wall clock of a ProducerReferenceTime for NTP's.
    const begin = () => player.getManifest().presentationTimeline.getPresentationStartTime();
    latency = () => (low ? Date.now() / 1000 - begin() - video.currentTime : player.getStats().liveLatency);
    video.play();
  } else {
    const player = new window.Hls({ lowLatencyMode: low });
    player.on(window.Hls.Events.ERROR, (_, { fatal, details, response, part, frag }) => {
      // It gives a part's playlist 1.6 s, and asks again: on a busy machine that is no fault of the playlist.
      if (fatal || !/LoadTimeOut$/.test(details)) {
        complain(`${fatal ? 'fatal ' : ''}${details} ${response?.code ?? ''} ${(part ?? frag)?.url ?? ''}`.trim());
      }
    });
    player.loadSource(url);
    player.attachMedia(video);
    latency = () => player.latency;
    video.play().catch(() => {});
  }
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const limit = start + 20_000;
  while (video.getVideoPlaybackQuality().totalVideoFrames < 2 && performance.now() < limit) await pause(20);
  const first = performance.now();
  const begin = video.currentTime;
  let [still, last, lastTime] = [0, video.currentTime, first];
  while (performance.now() < first + seconds * 1000) {
    await pause(50);
    const now = performance.now();
    if (video.currentTime === last) still += now - lastTime;
    [last, lastTime] = [video.currentTime, now];
  }
  return {
    played: video.currentTime - begin,
    pictures: video.getVideoPlaybackQuality().totalVideoFrames,
    first: (first - start) / 1000,
    still: still / 1000,
    latency: latency(),
    complaints,
  };
};
const low = mode === 'low';
const result = await page.evaluate(play, { kind, low, url, seconds: Number(seconds) });
process.stdout.write(`${JSON.stringify(result)}\n`);
await browser.close();
server.close();
process.exit(0);
