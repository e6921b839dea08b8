/** dash.js, set for the mesh: it plans and buffers; what it asks for goes through our loader alone. */
import { MediaPlayer, type MediaPlayerClass } from 'dashjs';

import type { Kind } from './codecs';
import { loaderOf } from './loader';
import { gapControl, samePeriods } from './periods';
import type { ChannelRoutes } from './routes';

type Settings = Parameters<MediaPlayerClass['updateSettings']>[0];
/** dash.js declares that one setting here needs all the others; it does not. */
type ThroughputSettings = NonNullable<
  NonNullable<NonNullable<Settings['streaming']>['abr']>['throughput']
>;

/** No log, no disk, nobody else's clock; and no waiting of its own, for the mesh waits better. */
const SETTINGS = (timeUrl: string) => ({
  debug: { logLevel: 0 },
  streaming: {
    retryAttempts: {
      MPD: 1,
      MediaSegment: 0,
      InitializationSegment: 0,
      lowLatencyMultiplyFactor: 1,
    },
    fragmentRequestTimeout: 0,
    fragmentRequestProgressTimeout: 0,
    manifestRequestTimeout: 0,
    blacklistExpiryTime: 1,
    applyContentSteering: false,
    capabilities: { useMediaCapabilitiesApi: false },
    utcSynchronization: {
      defaultTimingSource: { scheme: 'urn:mpeg:dash:utc:http-iso:2014', value: timeUrl },
    },
    lastBitrateCachingInfo: { enabled: false },
    lastMediaSettingsCachingInfo: { enabled: false },
    cmcd: { enabled: false, applyParametersFromMpd: false },
    text: { defaultEnabled: false },
    // Nothing comes from the browser's cache: what came fast came fast.
    cacheLoadThresholds: { video: 0, audio: 0 },
    abr: { throughput: { useResourceTimingApi: false } as ThroughputSettings },
  },
});

/**
 * The errors after which dash.js does nothing more: a manifest that cannot be read or had, no streams
 * in it, no base URL left, a segment that nobody has, no media source for its codec. It tells of many
 * others, a clock that does not answer among them, and goes on.
 */
const FATAL: ReadonlySet<number> = new Set([10, 11, 17, 19, 23, 25, 27, 28, 31, 32, 35]);

export interface Listener {
  /** The browser does not start sound without a gesture. */
  notAllowed(): void;
  /** Another Period begins; the video may be without a picture for a moment. */
  switching(): void;
  /** It cannot go on by itself; the source has to be attached again. */
  failed(why: string): void;
}

export class Player {
  readonly #dash: MediaPlayerClass;
  #chosen: number | null = null;
  /** Nothing follows what was played, whoever else thinks that there is a moment more of one of the tracks. */
  #isOver = false;

  /** Attaches the manifest at `url` and starts as soon as it can. */
  constructor(video: HTMLVideoElement, url: string, routes: ChannelRoutes, listener: Listener) {
    this.#dash = MediaPlayer().create();
    this.#dash.extend('XHRLoader', loaderOf(routes, 'whole'), false);
    this.#dash.extend('FetchLoader', loaderOf(routes, 'flowing'), false);
    this.#dash.extend('GapController', gapControl, false);
    const kindsOf = (id: string): ReadonlySet<Kind> => routes.kindsOf(id);
    this.#dash.extend('Capabilities', samePeriods(kindsOf), true);
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- dash.js declares the shape as a class and has none
    this.#dash.updateSettings(SETTINGS(new URL('/time', url).href));
    this.#dash.on('playbackNotAllowed', () => {
      listener.notAllowed();
    });
    this.#dash.on('periodSwitchStarted', () => {
      listener.switching();
    });
    this.#dash.on('periodSwitchCompleted', (event) => {
      const id = (event as { toStreamInfo?: { id?: string } }).toStreamInfo?.id;
      if (id !== undefined) routes.plays(id);
      this.choose(this.#chosen);
    });
    // It ends the last Period where the manifest does, which is where the first of its tracks ends, and pauses the video
    // there: that one never says itself that it has ended.
    this.#dash.on('playbackEnded', (event) => {
      this.#isOver = (event as { isLast?: boolean }).isLast === true;
    });
    this.#dash.on('playbackStarted', () => {
      this.#isOver = false;
    });
    this.#dash.on('urlResolutionFailed', () => {
      listener.failed('no place has the next segment');
    });
    this.#dash.on('error', (event) => {
      const { code, message } = errorIn(event);
      if (FATAL.has(code)) listener.failed(message);
    });
    this.#dash.initialize(video, url, true);
  }

  /** Whether it has played what there is to its end, and stands there. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Seconds behind what happens; null while it is not known. */
  get latency(): number | null {
    const seconds = this.#dash.isReady() ? this.#dash.getCurrentLiveLatency() : NaN;
    return Number.isFinite(seconds) ? seconds : null;
  }

  /** The seconds behind that the manifest suggests. */
  get targetLatency(): number | null {
    const seconds = this.#dash.isReady() ? this.#dash.getTargetLiveDelay() : NaN;
    return Number.isFinite(seconds) ? seconds : null;
  }

  /** Heights of the pictures to choose from, the highest first. */
  get heights(): number[] {
    const heights = this.#pictures().map((picture) => picture.height);
    return [...new Set(heights)].sort((a, b) => b - a);
  }

  /** Shows pictures of that height, from what is not loaded yet; null leaves it to the speed of the line. */
  choose(height: number | null): void {
    this.#chosen = height;
    const picture = this.#pictures().find((one) => one.height === height);
    const change = { streaming: { abr: { autoSwitchBitrate: { video: !picture } } } };
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- as above
    this.#dash.updateSettings(change);
    if (picture) this.#dash.setRepresentationForTypeById('video', picture.id);
  }

  #pictures(): readonly { readonly id: string; readonly height: number }[] {
    return this.#dash.isReady() ? this.#dash.getRepresentationsByType('video') : [];
  }

  goLive(): void {
    this.#dash.seekToOriginalLive();
  }

  end(): void {
    this.#dash.destroy();
  }
}

function errorIn(event: unknown): { code: number; message: string } {
  const { error } = event as { error?: unknown };
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return {
    code: typeof code === 'number' ? code : 0,
    message: typeof message === 'string' ? message : 'the player gave up',
  };
}
