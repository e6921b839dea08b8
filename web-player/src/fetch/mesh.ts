/**
 * Segments from the mesh: asked of one box, of another when that one fails, verified before they are
 * given out. What the player sees is one place that always answers as long as anybody does.
 */
import type { Bytes } from '../verify/bytes';
import type { PublicKey } from '../verify/ed25519';
import { INIT_SEGMENT, type SegmentId } from '../verify/record';
import { Refusal } from '../verify/refusal';
import type { Opened, Verifier } from '../verify/verifier';
import type { Ledger } from './ledger';
import { type Attempt, Beaten, Hanging, type Patience, race } from './race';
import { Seen } from './seen';
import { type Place, Standings } from './standing';
import { NoAnswer, type Transport } from './transport';

/** A box is expected to begin to answer, and to go on, within half a second. */
const PATIENCE: Patience = { silenceMs: 500, slowMs: 2_000, hangingMs: 4_000 };

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
  readonly keys: Keys;
  readonly ledger: Ledger;
  /** Seconds until the picture stands if nothing more comes; not told, there is no hurry. */
  readonly ahead?: () => number;
}

export class Mesh {
  /** Where segments may be had now, in the tracker's order. */
  places: readonly Place[] = [];
  /** What the tracker is to hear of the boxes. */
  readonly seen = new Seen();
  readonly #standings = new Standings();

  constructor(private readonly parts: MeshParts) {}

  /** Places that sent altered bytes and are asked no more. */
  isBanned(place: Place): boolean {
    return this.#standings.isBanned(place);
  }

  /** A segment as the origin sealed it. Rejects only when nobody had it for a long while. */
  async segment(
    id: SegmentId,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void = () => undefined,
  ): Promise<Opened> {
    const until = Date.now() + SEARCH_MS;
    for (let round = 0; ; round += 1) {
      const order = this.#standings.order(this.places, Date.now());
      const attempts = order.map((place) => this.#attempt(place, id, onBytes));
      const resort = {
        index: order.findIndex((place) => place.kind === 'origin'),
        dueMs: () => 1000 * (this.parts.ahead?.() ?? Infinity),
      };
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

  #attempt(
    place: Place,
    id: SegmentId,
    onBytes: (received: number, total: number | null) => void,
  ): Attempt<Opened> {
    return async (signal, heard) => {
      try {
        const began = { at: 0 };
        const bytes = await this.#bytesFrom(place, id, signal, (received, total) => {
          began.at ||= performance.now();
          heard(received, total);
          onBytes(received, total);
        });
        const opened = await this.#open(bytes, id);
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

  async #open(bytes: Bytes, id: SegmentId): Promise<Opened> {
    const { verify, keys } = this.parts;
    const known = await keys(false);
    try {
      return await verify(bytes, id, known);
    } catch (why) {
      if (!(why instanceof Refusal) || why.reason !== 'forged') throw why;
      // A new key is no forgery: the tracker may tell more by now.
      const told = await keys(true);
      if (told.every((key) => known.some((other) => other.hex === key.hex))) throw why;
      return await verify(bytes, id, told);
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
    } else if (why instanceof NoAnswer && isMissing(why.status)) {
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
