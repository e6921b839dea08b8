/** `/watch/{channel}`: puts the page together and starts it. */
import { verify, verifyChunk } from '#verifier';

import { http } from './fetch/transport';
import { Controls } from './page/controls';
import { h } from './page/dom';
import { fadeWhenIdle, isFullscreen, toggleFullscreen } from './page/fullscreen';
import { header } from './page/header';
import { type Notice, Screen } from './page/screen';
import { Panel } from './panel/panel';
import { channelIn } from './session/session';
import './styles/base.css';
import './styles/watch.css';
import { type State, publish } from './watch/diagnostics';
import { latencyIn } from './watch/latency';
import { Watch } from './watch/watch';
import { words } from './words';

const IDLE_MS = 3_000;
const PANEL_EVERY_MS = 500;
const AIR: Partial<Record<State, 'away' | 'offAir'>> = { away: 'away', 'off-air': 'offAir' };

function page(channel: string): void {
  const screen: Screen = new Screen(channel, () => {
    watch.setMuted(false);
  });
  const { video } = screen;
  const watch = new Watch({
    channel,
    video,
    transport: http,
    verify,
    verifyChunk,
    latency: latencyIn(location.search),
    keepPicture: () => {
      screen.keepPicture();
    },
    player: import('./watch/player').then((module) => module.Player),
  });
  publish(() => watch.diagnostics());

  const panel = new Panel();
  const controls = new Controls({
    togglePlay: () => {
      watch.togglePlay();
    },
    toggleMute: () => {
      watch.setMuted(!video.muted);
    },
    setVolume: (volume) => {
      video.volume = volume;
      watch.setMuted(volume === 0);
    },
    choose: (height) => {
      watch.choose(height);
    },
    goLive: () => {
      watch.goLive();
    },
    toggleDetails: () => {
      panel.element.hidden = !panel.element.hidden;
      show();
    },
    toggleFullscreen: () => {
      toggleFullscreen(player, video);
    },
  });
  const player = h('div', { class: 'player' }, screen.element, controls.element);
  // By mouse only: a finger on the picture looks for the controls.
  video.addEventListener('click', (event) => {
    if (event.pointerType === 'mouse') watch.togglePlay();
  });
  fadeWhenIdle(player, IDLE_MS);
  mount(channel, h('main', { class: 'watch' }, player, panel.element));

  let panelAt = -Infinity;
  const show = (): void => {
    screen.show({
      notice: watch.said.notice,
      busy: watch.said.state === 'loading' || watch.said.state === 'waiting',
      soundOffered: watch.soundOffered,
      aside: watch.aside,
    });
    controls.show({
      attached: watch.attached,
      air: AIR[watch.said.state] ?? 'live',
      paused: video.paused,
      muted: video.muted,
      volume: video.volume,
      heights: watch.heights,
      chosenHeight: watch.chosenHeight,
      atLive: watch.atLive,
      details: !panel.element.hidden,
      fullscreen: isFullscreen(),
    });
    if (performance.now() - panelAt < PANEL_EVERY_MS) return;
    panelAt = performance.now();
    panel.show({
      ledger: watch.ledger,
      isBanned: (place) => watch.mesh.isBanned(place),
      latency: watch.latency,
      buffer: watch.buffer,
      height: video.videoHeight,
      interruptions: watch.stalls.list,
    });
  };
  if (watch.isPossible) watch.start(show);
  else
    screen.show({ notice: words.stage.noMediaSource, busy: false, soundOffered: false, aside: '' });
}

function nowhere(notice: Notice): void {
  const screen = new Screen('', () => undefined);
  screen.show({ notice, busy: false, soundOffered: false, aside: '' });
  mount('', h('main', { class: 'watch' }, h('div', { class: 'player' }, screen.element)));
}

function mount(title: string, main: HTMLElement): void {
  document.title = title ? `${title} · ${words.brand}` : words.brand;
  document.body.prepend(header(title), main);
}

const channel = channelIn(location.pathname);
if (channel === null) nowhere(words.stage.badName);
else page(channel);
