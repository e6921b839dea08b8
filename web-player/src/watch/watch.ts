/**
 * Watching a channel: attaches the player when the channel is live, starts it over when it cannot go
 * on, and tells the page and `window.boxmesh` how it fares. The decisions are in `stage` and `notice`.
 */
import { Ledger } from '../fetch/ledger';
import { Mesh } from '../fetch/mesh';
import type { Transport } from '../fetch/transport';
import { type OnAir, Session } from '../session/session';
import type { ChunkVerifier, Verifier } from '../verify/verifier';
import { words } from '../words';
import { mediaSourceSupport } from './codecs';
import { type Diagnostics, perPlace, secondsSinceLoad } from './diagnostics';
import type { Latency } from './latency';
import { type Said, say } from './notice';
import { bufferOf, hasPicture, isEmpty, isMoving, stoppedByBrowser } from './picture';
import type { Player } from './player';
import { ChannelRoutes } from './routes';
import { type Run, hasStarted } from './run';
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
/** What is further behind is about to leave the window that boxes keep. */
const FURTHEST_BACK_SECONDS = 50;
/** Further behind after a pause, the window that boxes keep has nearly passed: go on from live. */
const PAUSED_TOO_LONG_SECONDS = 40;

export type PlayerClass = typeof Player;

export interface WatchParts {
  readonly channel: string;
  readonly video: HTMLVideoElement;
  readonly transport: Transport;
  readonly verify: Verifier;
  readonly verifyChunk: ChunkVerifier;
  readonly latency: Latency;
  /** dash.js is large: it is loaded while the tracker is asked. */
  readonly player: Promise<PlayerClass>;
  /** Keeps the picture to be seen while the video is filled anew. */
  readonly keepPicture: () => void;
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
  /** Until then there was nothing to be shown: the publisher was away, or the epoch is new. */
  #excusedUntil = 0;
  #newestEpoch: bigint | null = null;
  /** The publisher was away when the picture came to stand, and it stands still. */
  #away = false;
  #position = 0;
  #chosenHeight: number | null = null;
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
      verifyChunk: parts.verifyChunk,
      keys: (fresh) => this.#session.keys(fresh),
      ledger: this.ledger,
      ahead: () => (isMoving(parts.video) ? this.buffer : Infinity),
      away: () => this.#session.onAir.kind !== 'live' || this.#session.onAir.away,
      isHttps: location.protocol === 'https:',
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

  /** So many seconds back or forward, within what there is. */
  seekBy(seconds: number): void {
    const { video } = this.#parts;
    const { latency } = this;
    if (!hasStarted(this.#run) || latency === null) return;
    const target = this.#run.player.targetLatency ?? 0;
    if (seconds > 0 && latency - seconds <= target) {
      if (!this.atLive) this.goLive();
      return;
    }
    this.#graceUntil = secondsSinceLoad() + GRACE_SECONDS;
    // What the browser calls seekable begins with the first piece that it ever had.
    video.currentTime += Math.max(seconds, Math.min(0, latency - FURTHEST_BACK_SECONDS));
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
    return bufferOf(this.#parts.video);
  }

  /** Heights of the pictures to choose from, the highest first. */
  get heights(): readonly number[] {
    return this.#run?.player.heights ?? [];
  }

  /** The height that the viewer chose; null where the player chooses. */
  get chosenHeight(): number | null {
    return this.#chosenHeight;
  }

  choose(height: number | null): void {
    this.#chosenHeight = height;
    this.#run?.player.choose(height);
  }

  diagnostics(): Diagnostics {
    const epoch = this.#epoch;
    const { onAir } = this.#session;
    const places = this.ledger.accounts().map((account) => account.place);
    return {
      state: this.said.state,
      message: this.said.message || this.aside,
      channel: this.#parts.channel,
      onAir: onAir.kind === 'live' && onAir.away ? 'away' : onAir.kind,
      epoch: epoch === null ? null : Number(epoch),
      paused: this.#parts.video.paused,
      muted: this.#parts.video.muted,
      heights: this.heights,
      chosenHeight: this.#chosenHeight,
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
    const { onAir } = this.#session;
    const run = this.#run;
    if (run?.startedAt === null && isMoving(video)) {
      run.startedAt = now;
      this.#firstPictureAt ??= now;
    }
    const started = hasStarted(run);
    if (started && now - run.startedAt > HEALTHY_SECONDS) this.#failures = 0;
    const wanted = this.#wantsPlay && !stoppedByBrowser(video);
    if (started && hasPicture(video)) this.#position = video.currentTime;
    // An interruption goes on while the player starts over.
    this.stalls.sample({
      now,
      position: this.#position,
      shouldMove: wanted && (started || this.stalls.isOpen) && now > this.#graceUntil,
    });
    const ended = video.ended || (run?.player.isOver ?? false);
    // A decoder that had to be started anew leaves the video paused.
    if (started && wanted && video.paused && !ended && hasPicture(video)) this.#play();

    this.#noteTracks();
    this.#excuse(onAir, now);
    const stuck = this.#stuckSeconds(now);
    const step = nextStep({
      onAir,
      attached: this.#epoch,
      isFinal: run?.routes.isFinal ?? false,
      ended,
      stuckMs: 1000 * Math.min(stuck, now - this.#excusedUntil),
      lost: started && isEmpty(video),
      buffer: this.buffer,
      irregularMs: Date.now() - (run?.routes.irregularSince ?? Infinity),
      restMs: Math.max(0, this.#restUntil - Date.now()),
      undecodable: this.#undecodable?.epoch ?? null,
    });
    if (step === 'attach') void this.#attach();
    else if (step === 'detach') this.#detach();
    if (step === 'detach' && onAir.kind !== 'live') this.stalls.forgive();

    const standing = stuck > STANDING_SECONDS;
    this.#away = standing && (this.#away || (onAir.kind === 'live' && onAir.away));
    this.said = say({
      channel: this.#parts.channel,
      onAir,
      reachable: this.#session.reachable,
      attached: this.#run !== null,
      started: hasStarted(this.#run),
      standing: standing || ended,
      away: this.#away,
      refusedToStart: !this.#wantsPlay,
      everStarted: this.#firstPictureAt !== null,
      undecodable: this.#undecodable?.codec ?? null,
    });
  }

  /** The epoch that is played, or that the player was attached for. */
  get #epoch(): bigint | null {
    return this.#run?.routes.played?.epoch ?? this.#run?.epoch ?? null;
  }

  /** While nothing can be shown, nobody is stuck; what came back gets its time. */
  #excuse(onAir: OnAir, now: number): void {
    if (onAir.kind !== 'live') return;
    if (onAir.away || onAir.epoch !== this.#newestEpoch) this.#excusedUntil = now;
    this.#newestEpoch = onAir.epoch;
  }

  /** What of the broadcast cannot be shown here. */
  #noteTracks(): void {
    const routes = this.#run?.routes;
    if (!routes) return;
    const { newest, played } = routes;
    if (newest) {
      const video = newest.unplayable.find((track) => track.kind === 'video');
      this.#undecodable = video ? { epoch: newest.epoch, codec: video.codec } : null;
    }
    const audio = played?.unplayable.find((track) => track.kind === 'audio');
    if (audio) this.aside = words.stage.silent(audio.codec);
    else this.aside = played?.kinds.has('video') === false ? words.stage.soundOnly : '';
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
      if (video.ended || this.#run?.player.isOver) return;
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
      this.#parts.keepPicture();
      this.#detach();
      const { channel, transport, video } = this.#parts;
      const supports = this.#supports ?? (() => false);
      const routes = new ChannelRoutes({ channel, transport, mesh: this.mesh, supports });
      const manifest = this.#parts.latency === 'low' ? 'low-latency.mpd' : 'manifest.mpd';
      const url = new URL(`/live/${channel}/${manifest}`, location.href).href;
      const player = new PlayerHere(video, url, routes, {
        notAllowed: () => {
          this.#startMuted();
        },
        switching: this.#parts.keepPicture,
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
      player.choose(this.#chosenHeight);
    } catch {
      this.#fail();
    } finally {
      this.#attaching = false;
    }
  }

  #detach(): void {
    this.#noteTracks();
    this.aside = '';
    const run = this.#run;
    this.#run = null;
    run?.player.end();
    run?.routes.end();
  }

  #fail(): void {
    this.#failures += 1;
    this.#restUntil = Date.now() + restAfter(this.#failures);
    // Not from within its own event: dash.js still has something to do with itself there.
    setTimeout(() => {
      this.#detach();
    });
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
