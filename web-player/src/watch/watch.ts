/**
 * Watching a channel: attaches the player when the channel is live, starts it over when it cannot go
 * on, and tells the page and `window.boxmesh` how it fares. The decisions are in `stage` and `notice`.
 */
import { Ledger } from '../fetch/ledger';
import { Mesh } from '../fetch/mesh';
import type { Transport } from '../fetch/transport';
import { type OnAir, Session } from '../session/session';
import type { Verifier } from '../verify/verifier';
import { words } from '../words';
import { mediaSourceSupport, unplayable } from './codecs';
import { type Diagnostics, perPlace, secondsSinceLoad } from './diagnostics';
import type { Manifest } from './manifest';
import { type Said, say } from './notice';
import type { Player } from './player';
import { ChannelRoutes } from './routes';
import { nextStep, restAfter } from './stage';
import { Stalls } from './stalls';

const TICK_MS = 100;
/** Two attempts are at least this far apart. */
const APART_MS = 3_000;
/** Playing for so long, earlier failures are forgotten. */
const HEALTHY_SECONDS = 10;
/** A picture that stands for longer is told of. */
const STANDING_SECONDS = 0.5;
const GRACE_SECONDS = 2;
/** Nearer to live than this is live. */
const LIVE_SLACK_SECONDS = 3;
/** Further behind after a pause, the window that boxes keep has nearly passed: go on from live. */
const PAUSED_TOO_LONG_SECONDS = 40;

export type PlayerClass = typeof Player;

export interface WatchParts {
  readonly channel: string;
  readonly video: HTMLVideoElement;
  readonly transport: Transport;
  readonly verify: Verifier;
  /** dash.js is large: it is loaded while the tracker is asked. */
  readonly player: Promise<PlayerClass>;
}

/** What is attached, from one `attach` to the next. */
interface Run {
  readonly player: Player;
  readonly routes: ChannelRoutes;
  /** The epoch that the tracker told when it was attached. */
  readonly epoch: bigint;
  readonly since: number;
  startedAt: number | null;
}

export class Watch {
  readonly ledger = new Ledger();
  readonly mesh: Mesh;
  readonly stalls = new Stalls();
  /** The sound is off because the browser insists, not because the viewer wishes it. */
  soundOffered = false;
  /** A word about what is missing while the rest plays. */
  aside = '';
  said: Said = { state: 'loading', notice: null, message: '' };
  readonly #session: Session;
  readonly #parts: WatchParts;
  readonly #supports = mediaSourceSupport();
  #run: Run | null = null;
  #attaching = false;
  #failures = 0;
  #restUntil = 0;
  #undecodable: { readonly epoch: bigint; readonly codec: string } | null = null;
  #firstPictureAt: number | null = null;
  #wantsPlay = true;
  /** After a jump that the viewer asked for, the picture may take a moment. */
  #graceUntil = 0;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    this.#session = new Session(parts.channel, parts.transport);
    this.mesh = new Mesh({
      transport: parts.transport,
      verify: parts.verify,
      keys: (fresh) => this.#session.keys(fresh),
      ledger: this.ledger,
    });
    this.#listen(parts.video);
  }

  /** Whether this browser can play live video at all. */
  get isPossible(): boolean {
    return this.#supports !== null;
  }

  start(changed: () => void): void {
    const forever = new AbortController().signal;
    const tick = (): void => {
      this.#tick();
      changed();
    };
    this.#session.start(tick, forever);
    setInterval(tick, TICK_MS);
  }

  togglePlay(): void {
    const { video } = this.#parts;
    if (!this.#run) return;
    this.#wantsPlay = video.paused;
    if (!this.#wantsPlay) video.pause();
    else this.#resume();
  }

  setMuted(muted: boolean): void {
    this.#parts.video.muted = muted;
    this.soundOffered = false;
  }

  goLive(): void {
    this.#graceUntil = secondsSinceLoad() + GRACE_SECONDS;
    this.#run?.player.goLive();
    if (this.#parts.video.paused) this.#play();
  }

  get attached(): boolean {
    return this.#run !== null;
  }

  get latency(): number | null {
    const run = this.#run;
    return hasStarted(run) && !isEmpty(this.#parts.video) ? run.player.latency : null;
  }

  get atLive(): boolean {
    const target = this.#run?.player.targetLatency ?? 0;
    return this.latency === null || this.latency <= target + LIVE_SLACK_SECONDS;
  }

  /** Seconds of media ahead of what is shown. */
  get buffer(): number {
    const { buffered, currentTime } = this.#parts.video;
    for (let i = 0; i < buffered.length; i += 1) {
      if (buffered.start(i) - 0.1 <= currentTime && currentTime < buffered.end(i)) {
        return buffered.end(i) - currentTime;
      }
    }
    return 0;
  }

  diagnostics(): Diagnostics {
    const epoch = this.#run?.routes.epoch ?? this.#run?.epoch ?? null;
    const places = this.ledger.accounts().map((account) => account.place);
    return {
      state: this.said.state,
      message: this.said.message || this.aside,
      channel: this.#parts.channel,
      epoch: epoch === null ? null : Number(epoch),
      paused: this.#parts.video.paused,
      muted: this.#parts.video.muted,
      latency: this.latency,
      buffer: this.buffer,
      stalls: this.stalls.list.map((stall) => ({ ...stall })),
      bytes: perPlace(this.ledger, 'bytes'),
      refused: perPlace(this.ledger, 'refused'),
      banned: places.filter((place) => this.mesh.isBanned(place)).map((place) => place.name),
      verifiedChunks: this.ledger.appended.verified,
      unverifiedChunks: this.ledger.appended.unverified,
      firstPictureAt: this.#firstPictureAt,
    };
  }

  #tick(): void {
    const now = secondsSinceLoad();
    const { video } = this.#parts;
    const run = this.#run;
    if (run?.startedAt === null && isMoving(video)) {
      run.startedAt = now;
      this.#firstPictureAt ??= now;
    }
    const started = hasStarted(run);
    if (started && now - run.startedAt > HEALTHY_SECONDS) this.#failures = 0;
    const shouldMove = started && this.#wantsPlay && !stoppedByBrowser(video);
    this.stalls.sample({
      now,
      position: video.currentTime,
      shouldMove: shouldMove && now > this.#graceUntil,
    });
    // A decoder that had to be started anew leaves the video paused.
    if (shouldMove && video.paused && hasPicture(video)) this.#play();

    const stuck = this.#stuckSeconds(now);
    const step = nextStep({
      onAir: this.#session.onAir,
      attached: run ? (run.routes.epoch ?? run.epoch) : null,
      stuckMs: 1000 * stuck,
      lost: started && isEmpty(video),
      buffer: this.buffer,
      restMs: Math.max(0, this.#restUntil - Date.now()),
      undecodable: this.#undecodable?.epoch ?? null,
    });
    if (step === 'attach') void this.#attach();
    else if (step === 'detach') this.#detach();
    if (step !== 'stay' && onAirEnded(this.#session.onAir, run)) this.stalls.forgive();

    this.said = say({
      channel: this.#parts.channel,
      onAir: this.#session.onAir,
      reachable: this.#session.reachable,
      attached: this.#run !== null,
      started: hasStarted(this.#run),
      standing: stuck > STANDING_SECONDS,
      refusedToStart: !this.#wantsPlay,
      everStarted: this.#firstPictureAt !== null,
      undecodable: this.#undecodable?.codec ?? null,
    });
  }

  #listen(video: HTMLVideoElement): void {
    video.addEventListener('volumechange', () => {
      if (!video.muted) this.soundOffered = false;
    });
    // Whoever pressed: a key on the keyboard or the headphones does not come through our button.
    video.addEventListener('play', () => {
      this.#wantsPlay = true;
    });
    video.addEventListener('pause', () => {
      if (hasStarted(this.#run) && hasPicture(video) && !stoppedByBrowser(video)) {
        this.#wantsPlay = false;
      }
    });
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden && this.#wantsPlay && video.paused && this.#run) this.#resume();
    });
  }

  /** Seconds without movement that should be there; before the first picture, since the attempt began. */
  #stuckSeconds(now: number): number {
    const run = this.#run;
    if (!run) return 0;
    if (run.startedAt !== null) return this.stalls.standing(now);
    return this.#wantsPlay ? now - run.since : 0;
  }

  async #attach(): Promise<void> {
    const { onAir } = this.#session;
    if (this.#attaching || onAir.kind !== 'live') return;
    this.#attaching = true;
    this.#restUntil = Date.now() + Math.max(APART_MS, restAfter(this.#failures));
    try {
      const PlayerHere = await this.#parts.player;
      this.#detach();
      const { channel, transport, video } = this.#parts;
      const routes = new ChannelRoutes(channel, transport, this.mesh, (manifest) => {
        this.#check(manifest);
      });
      const url = new URL(`/live/${channel}/manifest.mpd`, location.href).href;
      const player = new PlayerHere(video, url, routes, {
        notAllowed: () => {
          this.#startMuted();
        },
        failed: () => {
          if (this.#run?.player === player) this.#fail();
        },
      });
      this.#run = {
        player,
        routes,
        epoch: onAir.epoch,
        since: secondsSinceLoad(),
        startedAt: null,
      };
    } catch {
      this.#fail();
    } finally {
      this.#attaching = false;
    }
  }

  #detach(): void {
    const run = this.#run;
    this.#run = null;
    run?.player.end();
  }

  #fail(): void {
    this.#failures += 1;
    this.#restUntil = Date.now() + restAfter(this.#failures);
    // Not from within its own event: dash.js still has something to do with itself there.
    setTimeout(() => {
      this.#detach();
    });
  }

  /** Throws when the video of a manifest cannot be decoded here. */
  #check(manifest: Manifest): void {
    const cannot = unplayable(manifest.tracks, this.#supports ?? (() => false));
    const video = cannot.find((track) => track.kind === 'video');
    const audio = cannot.find((track) => track.kind === 'audio');
    this.aside = audio ? words.stage.silent(audio.codec) : '';
    const epoch = manifest.epochs.at(-1);
    if (!video || epoch === undefined) {
      this.#undecodable = null;
      return;
    }
    this.#undecodable = { epoch, codec: video.codec };
    throw new Error(`the browser cannot decode ${video.codec}`);
  }

  #resume(): void {
    if ((this.latency ?? 0) > PAUSED_TOO_LONG_SECONDS) this.goLive();
    else this.#play();
  }

  #play(): void {
    this.#parts.video.play().catch((why: unknown) => {
      if (why instanceof DOMException && why.name === 'NotAllowedError') this.#startMuted();
    });
  }

  #startMuted(): void {
    const { video } = this.#parts;
    if (video.muted) {
      // Not even silently: the viewer has to begin.
      this.#wantsPlay = false;
      return;
    }
    video.muted = true;
    this.soundOffered = true;
    this.#play();
  }
}

type Started = Run & { readonly startedAt: number };

const hasStarted = (run: Run | null): run is Started => run !== null && run.startedAt !== null;

/** Whether what was played came to its end, rather than broke off. */
const onAirEnded = (onAir: OnAir, run: Run | null): boolean =>
  onAir.kind !== 'live' || onAir.epoch !== (run?.routes.epoch ?? run?.epoch);

/** Browsers stop silent video in the background, and expect it to go on afterwards. */
const stoppedByBrowser = (video: HTMLVideoElement): boolean =>
  video.paused && video.muted && document.hidden;

const isEmpty = (video: HTMLVideoElement): boolean =>
  video.readyState === HTMLMediaElement.HAVE_NOTHING;

const hasPicture = (video: HTMLVideoElement): boolean =>
  video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;

const isMoving = (video: HTMLVideoElement): boolean =>
  !video.paused && hasPicture(video) && !video.seeking && video.played.length > 0;
