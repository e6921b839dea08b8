/** The player with all that works it: the video, the row under it, the keys. What stands round it is the page's. */
import { verify, verifyChunk } from '#verifier';

import { http } from '../fetch/transport';
import { type State, publish } from '../watch/diagnostics';
import { latencyIn } from '../watch/latency';
import { Watch } from '../watch/watch';
import { words } from '../words';
import { Controls } from './controls';
import { h } from './dom';
import { fadeWhenIdle, isFullscreen, toggleFullscreen } from './fullscreen';
import { helpDialog, listenToKeys } from './keys';
import { hasLeft, togglePicture } from './picture-in-picture';
import { rememberVolume, rememberedVolume } from './preferences';
import { type Notice, Screen } from './screen';

const IDLE_MS = 3_000;
const SEEK_SECONDS = 5;
const LOUDER = 0.1;
const AIR: Partial<Record<State, 'away' | 'offAir'>> = { away: 'away', 'off-air': 'offAir' };

export interface TheatreParts {
  readonly channel: string;
  readonly muted: boolean;
  readonly onlyOrigin: boolean;
  /** Shows what is behind the picture, or hides it; absent where there is no room for that. */
  readonly toggleDetails?: () => void;
  readonly detailsShown?: () => boolean;
  /** Where the channel has a page of its own; only told where this is not it. */
  readonly ownPage?: string;
}

export class Theatre {
  readonly element: HTMLElement;
  readonly watch: Watch;
  readonly video: HTMLVideoElement;
  readonly #screen: Screen;
  readonly #controls: Controls;
  readonly #parts: TheatreParts;

  constructor(parts: TheatreParts) {
    this.#parts = parts;
    this.#screen = new Screen(parts.channel, () => {
      this.watch.setMuted(false);
    });
    this.video = this.#screen.video;
    this.video.muted = parts.muted;
    this.video.volume = rememberedVolume();
    this.watch = new Watch({
      channel: parts.channel,
      video: this.video,
      transport: http,
      verify,
      verifyChunk,
      latency: latencyIn(location.search),
      keepPicture: () => {
        this.#screen.keepPicture();
      },
      player: import('../watch/player').then((module) => module.Player),
    });
    this.watch.mesh.onlyOrigin = parts.onlyOrigin;
    publish(() => this.watch.diagnostics());

    const help = helpDialog();
    this.#controls = this.#makeControls(help);
    this.element = h(
      'div',
      { class: 'player' },
      this.#screen.element,
      this.#controls.element,
      help,
    );
    this.#listen(help);
  }

  /** Starts, and tells `changed` whenever something may be to be shown. */
  start(changed: () => void): void {
    if (!this.watch.isPossible) {
      this.#screen.show(only(words.stage.noMediaSource));
      return;
    }
    this.watch.start(() => {
      this.show();
      changed();
    });
  }

  show(): void {
    const { watch, video } = this;
    const { state } = watch.said;
    this.#screen.show({
      notice: watch.said.notice,
      busy: state === 'loading' || state === 'waiting',
      soundOffered: watch.soundOffered,
      aside: watch.aside,
    });
    this.#controls.show({
      attached: watch.attached,
      air: AIR[state] ?? 'live',
      paused: video.paused,
      muted: video.muted,
      volume: video.volume,
      heights: watch.heights,
      chosenHeight: watch.chosenHeight,
      atLive: watch.atLive,
      details: this.#parts.detailsShown?.() ?? false,
      fullscreen: isFullscreen(),
      picture: hasLeft(video),
    });
  }

  #makeControls(help: HTMLDialogElement): Controls {
    const { watch, video } = this;
    const { toggleDetails, ownPage } = this.#parts;
    return new Controls({
      togglePlay: () => {
        watch.togglePlay();
      },
      toggleMute: () => {
        watch.setMuted(!video.muted);
      },
      setVolume: (volume) => {
        this.#setVolume(volume);
      },
      choose: (height) => {
        watch.choose(height);
      },
      goLive: () => {
        watch.goLive();
      },
      togglePicture: () => {
        togglePicture(video);
      },
      showHelp: () => {
        help.showModal();
      },
      toggleFullscreen: () => {
        toggleFullscreen(this.element, video);
      },
      ...(toggleDetails && { toggleDetails }),
      ...(ownPage !== undefined && { ownPage }),
    });
  }

  #setVolume(volume: number): void {
    const next = Math.min(1, Math.max(0, volume));
    this.video.volume = next;
    this.watch.setMuted(next === 0);
    if (next > 0) rememberVolume(next);
  }

  #listen(help: HTMLDialogElement): void {
    const { watch, video } = this;
    // By mouse only: a finger on the picture looks for the controls.
    video.addEventListener('click', (event) => {
      if (event.pointerType === 'mouse') watch.togglePlay();
    });
    fadeWhenIdle(this.element, IDLE_MS);
    const from = (): number => (video.muted ? 0 : video.volume);
    listenToKeys({
      play: () => {
        watch.togglePlay();
      },
      back: () => {
        watch.seekBy(-SEEK_SECONDS);
      },
      forward: () => {
        watch.seekBy(SEEK_SECONDS);
      },
      louder: () => {
        this.#setVolume(from() + LOUDER);
      },
      softer: () => {
        this.#setVolume(from() - LOUDER);
      },
      mute: () => {
        watch.setMuted(!video.muted);
      },
      fullscreen: () => {
        toggleFullscreen(this.element, video);
      },
      picture: () => {
        togglePicture(video);
      },
      live: () => {
        if (watch.attached) watch.goLive();
      },
      help: () => {
        help.showModal();
      },
    });
  }
}

/** A player that has nothing to play says why. */
export function nothing(notice: Notice): HTMLElement {
  const screen = new Screen('', () => undefined);
  screen.show(only(notice));
  return h('div', { class: 'player' }, screen.element);
}

const only = (notice: Notice) => ({ notice, busy: false, soundOffered: false, aside: '' });
