/**
 * Segments from the mesh: asked of one box, of another when that one fails, verified before they are
 * given out. What the player sees is one place that always answers as long as anybody does.
 */
import type { Bytes } from '../verify/bytes';
import type { PublicKey } from '../verify/ed25519';
import { INIT_SEGMENT, type SegmentId } from '../verify/record';
import { Refusal } from '../verify/refusal';
import type { ChunkVerifier, Opened, OpenedChunk, Verifier } from '../verify/verifier';
import { type Bounds, boxesNeedHttps, mayAsk } from './askable';
import { Due } from './due';
import { Dried, Flow, type Sent } from './flow';
import type { Ledger } from './ledger';
import { type Attempt, Beaten, Hanging, type Patience, type Resort, race } from './race';
import { type Bearer, relay } from './relay';
import { Seen } from './seen';
import { type Place, Standings } from './standing';
import { NoAnswer, type Transport } from './transport';

/** A box is expected to begin to answer, and to go on, within half a second. */
const PATIENCE: Patience = { silenceMs: 500, slowMs: 2_000, hangingMs: 4_000 };

/** The same for a segment that is still being made, of which there is hardly more than a second ahead. */
const LIVE_PATIENCE = { silenceMs: 400, slowMs: 800, hangingMs: 4_000 };
const LONGEST_LIVE_PAUSE_MS = 1_000;

/** The most that a page takes for one segment: 2 s at 128 Mbit/s, or 10 s at 25. */
const MAX_SEGMENT_BYTES = 32 << 20;

/** How long a segment is looked for, and how long the pauses between the rounds are. */
const SEARCH_MS = 20_000;
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 2_000;
/** A segment that nobody has in so many rounds does not exist. */
const ROUNDS_OF_MISSES = 3;

/** The channel's keys; asked to be `fresh`, those that the tracker tells now. */
export type Keys = (fresh: boolean) => Promise<readonly PublicKey[]>;

export interface MeshParts {
  readonly transport: Transport;
  readonly verify: Verifier;
  readonly verifyChunk: ChunkVerifier;
  readonly keys: Keys;
  readonly ledger: Ledger;
  /** Seconds until the picture stands if nothing more comes; not told, there is no hurry. */
  readonly ahead?: () => number;
  /** Whether nothing new is made for now, as far as the tracker knows. */
  readonly away?: () => boolean;
  /** Whether the page came over https. */
  readonly isHttps?: boolean;
}

/** Who takes a segment while it is made. */
export interface Taker {
  /** A byte of it came. */
  begun(): void;
  give(chunk: OpenedChunk): void;
  /** Whether no more of its epoch will be made. */
  isOver(): boolean;
}

/** What became of it. */
export interface Taken {
  readonly bytes: number;
  /** Milliseconds that so many bytes take on the line; null where that could not be measured. */
  readonly ms: number | null;
}

export class Mesh {
  /** Whether no box is asked, as the viewer wishes. */
  onlyOrigin = false;
  #places: readonly Place[] = [];
  /** What the tracker is to hear of the boxes. */
  readonly seen = new Seen();
  readonly #standings = new Standings();
  readonly #due = new Due();

  constructor(private readonly parts: MeshParts) {}

  /** Places that sent altered bytes and are asked no more. */
  isBanned(place: Place): boolean {
    return this.#standings.isBanned(place);
  }

  /** Where segments may be had now, in the tracker's order. */
  set places(places: readonly Place[]) {
    this.#places = places;
  }

  get places(): readonly Place[] {
    return this.#places.filter((place) => mayAsk(place, this.#bounds));
  }

  /** Whether boxes are left out since they have http only, and the page came over https. */
  get boxesNeedHttps(): boolean {
    return boxesNeedHttps(this.#places, this.parts.isHttps === true);
  }

  get #bounds(): Bounds {
    return { onlyOrigin: this.onlyOrigin, isHttps: this.parts.isHttps === true };
  }

  /** A segment as the origin sealed it. Rejects only when nobody had it for a long while. */
  async segment(
    id: SegmentId,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void = () => undefined,
  ): Promise<Opened> {
    const until = Date.now() + SEARCH_MS;
    for (let round = 0; ; round += 1) {
      const { order, resort } = this.#order();
      const attempts = order.map((place) => this.#attempt(place, id, onBytes));
      try {
        const opened = await race(attempts, PATIENCE, signal, resort);
        this.parts.ledger.appended[opened.verified ? 'verified' : 'unverified'] += opened.chunks;
        return opened;
      } catch (why) {
        signal.throwIfAborted();
        const missing = why instanceof NoAnswer && isMissing(why.status);
        if (missing && round + 1 >= ROUNDS_OF_MISSES) throw why;
        if (Date.now() > until) throw why;
      }
      await pause(Math.min(SHORTEST_PAUSE_MS * 2 ** round, LONGEST_PAUSE_MS), signal);
    }
  }

  /**
   * A segment while it is made, each chunk as soon as its seal is opened. Resolves with its last chunk, or when what is
   * there is all that there will ever be; rejects when nobody had the next chunk for a long while.
   */
  async flow(id: SegmentId, signal: AbortSignal, taker: Taker): Promise<Taken> {
    const flow = new Flow({
      id,
      due: this.#due,
      open: (bytes, index) =>
        this.#withKeys((keys) => this.parts.verifyChunk(bytes, id, index, keys)),
      give: (chunk) => {
        this.parts.ledger.appended[chunk.verified ? 'verified' : 'unverified'] += 1;
        taker.give(chunk);
      },
    });
    let until = Date.now() + SEARCH_MS;
    for (let round = 0; ; round += 1) {
      const { order, resort } = this.#order();
      const bearers = order.map((place) => this.#bearer(place, id, flow, taker));
      const before = flow.chunks;
      try {
        await relay(bearers, { ...LIVE_PATIENCE, dueMs: flow.dueMs }, signal, resort);
        break;
      } catch (why) {
        signal.throwIfAborted();
        if (taker.isOver() && isNothing(why)) break;
        if (flow.chunks > before) round = 0;
        if (flow.chunks > before || this.parts.away?.()) until = Date.now() + SEARCH_MS;
        if (Date.now() > until) throw why;
      }
      await pause(Math.min(SHORTEST_PAUSE_MS * 2 ** round, LONGEST_LIVE_PAUSE_MS), signal);
    }
    const { bytes, ms } = flow.speed;
    return { bytes: flow.bytes, ms: bytes > 0 ? (flow.bytes * ms) / bytes : null };
  }

  #order(): { order: Place[]; resort: Resort } {
    const order = this.#standings.order(this.places, Date.now());
    const resort = {
      index: order.findIndex((place) => place.kind === 'origin'),
      dueMs: () => 1000 * (this.parts.ahead?.() ?? Infinity),
    };
    return { order, resort };
  }

  #bearer(place: Place, id: SegmentId, flow: Flow, taker: Taker): Bearer {
    return async (bearing) => {
      const { signal } = bearing;
      this.#checkAskable(place);
      const account = this.parts.ledger.of(place);
      const order = { signal, limit: MAX_SEGMENT_BYTES };
      const pieces = this.parts.transport.pieces(new URL(pathOf(id), place.url).href, order);
      try {
        const sent: Sent = await flow.take(pieces, bearing, (bytes) => {
          account.bytes += bytes;
          taker.begun();
        });
        this.#standings.served(place);
        this.seen.served(place, sent.speed.bytes, sent.speed.ms);
        account.servedAt = Date.now();
      } catch (why) {
        const reason: unknown = signal.aborted && !(why instanceof Refusal) ? signal.reason : why;
        // Who has not got what nobody makes has missed nothing.
        const isMade = !this.parts.away?.() && !taker.isOver();
        if (isMade || !isNothing(reason)) this.#note(place, reason);
        throw why;
      }
    };
  }

  /** The viewer may have said a moment ago that no box is to be asked. */
  #checkAskable(place: Place): void {
    if (!mayAsk(place, this.#bounds)) throw new NoAnswer(`${place.name} is not to be asked`, 0);
  }

  #attempt(
    place: Place,
    id: SegmentId,
    onBytes: (received: number, total: number | null) => void,
  ): Attempt<Opened> {
    return async (signal, heard) => {
      this.#checkAskable(place);
      try {
        const began = { at: 0 };
        const bytes = await this.#bytesFrom(place, id, signal, (received, total) => {
          began.at ||= performance.now();
          heard(received, total);
          onBytes(received, total);
        });
        const opened = await this.#withKeys((keys) => this.parts.verify(bytes, id, keys));
        this.#standings.served(place);
        this.seen.served(place, bytes.byteLength, began.at && performance.now() - began.at);
        this.parts.ledger.of(place).servedAt = Date.now();
        return opened;
      } catch (why) {
        // An attempt that was ended says nothing, but for why it was ended; a lie is a lie even then.
        this.#note(place, signal.aborted && !(why instanceof Refusal) ? signal.reason : why);
        throw why;
      }
    };
  }

  async #bytesFrom(
    place: Place,
    id: SegmentId,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void,
  ): Promise<Bytes> {
    const account = this.parts.ledger.of(place);
    const before = { received: 0 };
    return await this.parts.transport.get(new URL(pathOf(id), place.url).href, {
      signal,
      limit: MAX_SEGMENT_BYTES,
      onBytes: (received, total) => {
        account.bytes += received - before.received;
        before.received = received;
        onBytes(received, total);
      },
    });
  }

  async #withKeys<T>(open: (keys: readonly PublicKey[]) => Promise<T>): Promise<T> {
    const { keys } = this.parts;
    const known = await keys(false);
    try {
      return await open(known);
    } catch (why) {
      if (!(why instanceof Refusal) || why.reason !== 'forged') throw why;
      // A new key is no forgery: the tracker may tell more by now.
      const told = await keys(true);
      if (told.every((key) => known.some((other) => other.hex === key.hex))) throw why;
      return await open(told);
    }
  }

  /** What a failed attempt says about its place. */
  #note(place: Place, why: unknown): void {
    const now = Date.now();
    if (why instanceof Refusal) {
      const account = this.parts.ledger.of(place);
      account.refused += 1;
      account.reason = why.reason;
      this.#standings.lied(place, now);
    } else if (why instanceof Beaten) {
      if (why.late) this.#failed(place, now);
    } else if (isNothing(why)) {
      this.#standings.missed(place, now);
    } else if (why instanceof NoAnswer && why.status === 503) {
      this.#standings.busy(place, why.retryAfter, now);
    } else if (why instanceof NoAnswer || why instanceof Hanging) {
      this.#failed(place, now);
    }
  }

  #failed(place: Place, now: number): void {
    this.#standings.failed(place, now);
    this.seen.failed(place);
  }
}

/** Whether they said that there is nothing, rather than nothing at all. */
const isNothing = (why: unknown): boolean =>
  why instanceof Dried || (why instanceof NoAnswer && isMissing(why.status));

/** Relative to `/live/{channel}/`. */
export function pathOf(id: SegmentId): string {
  const name = id.segment === INIT_SEGMENT ? 'init' : String(id.segment);
  return `${id.epoch.toString()}/${id.track}/${name}.${id.track.startsWith('v') ? 'm4v' : 'm4a'}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}

/** Whether it is not there, or not any more because it was taken down: who says so has not failed. */
function isMissing(status: number): boolean {
  return status === 404 || status === 410;
}
