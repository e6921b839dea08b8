/**
 * Asking one after another without waiting for the dead.
 *
 * Attempts start in order. The next one starts when the one before failed, fell silent, or takes
 * longer than a segment may; the first to succeed ends all others. So a box that hangs costs a moment
 * of patience and never a timeout. No more than two are asked because they are slow: where both are, the
 * one of which less came gives its place to the next. And where two are late, or one in a hurry, the next
 * is the last resort, which is known to be fast.
 */

export interface Patience {
  /** Without a byte for this long, another is asked as well. */
  readonly silenceMs: number;
  /** Bytes come, but not the end: after this long another is asked as well, unless half as long again will do. */
  readonly slowMs: number;
  /** Without a byte for this long, an attempt has failed. */
  readonly hangingMs: number;
}

/** Bytes that are here, of how many if that is known. */
export type Heard = (received: number, total: number | null) => void;

/** Tells `heard` of every sign of life; stops when `signal` is aborted. */
export type Attempt<T> = (signal: AbortSignal, heard: Heard) => Promise<T>;

/** Whom to ask when others are late. */
export interface Resort {
  /** Its place among the attempts; -1 where there is none. */
  readonly index: number;
  /** Until when the answer has to be here, in milliseconds from now. */
  readonly dueMs: () => number;
}

/** Due sooner than this, the last resort is asked when the first is late; and than that, when it failed. */
const HURRY_MS = 4_000;
const GREAT_HURRY_MS = 2_000;

/** The reason with which an attempt is ended because another succeeded. */
export class Beaten extends Error {
  override readonly name = 'Beaten';

  constructor(
    /** Whether another was asked because this one was silent or slow. */
    readonly late: boolean,
  ) {
    super('another was faster');
  }
}

/** The reason with which an attempt is ended that says nothing. */
export class Hanging extends Error {
  override readonly name = 'Hanging';
}

/** Resolves with the first success; rejects with the last failure when there is none. */
export function race<T>(
  attempts: readonly Attempt<T>[],
  patience: Patience,
  signal: AbortSignal,
  resort: Resort = { index: -1, dueMs: () => Infinity },
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const running = new Set<Running>();
    const waiting = new Set(attempts.keys());

    const finish = (reason: (one: Running) => unknown): void => {
      signal.removeEventListener('abort', abandon);
      waiting.clear();
      for (const one of running) one.end(reason(one));
      running.clear();
    };
    const abandon = (): void => {
      finish(() => signal.reason);
      reject(signal.reason as Error);
    };
    const ended = (one: Running): boolean => {
      one.stopTimers();
      return running.delete(one);
    };
    const endSlowest = (): void => {
      const slowest = [...running].reduce((a, b) => (b.received < a.received ? b : a));
      ended(slowest);
      slowest.end(new Beaten(true));
    };
    const next = (isLate: boolean): number | undefined => {
      const isDue = resort.dueMs() < (isLate ? HURRY_MS : GREAT_HURRY_MS);
      const resorts = isDue || (isLate && running.size > 1);
      return resorts && waiting.has(resort.index) ? resort.index : [...waiting][0];
    };
    const start = (at: number | undefined): void => {
      const attempt = at === undefined ? undefined : attempts[at];
      if (at === undefined || !attempt) return;
      waiting.delete(at);
      const one = new Running(patience, resort.dueMs, (why) => {
        // Where the viewer's own line is slow, one helper is enough: more would only slow it further.
        const at = next(true);
        if (why === 'slow' && running.size > 1 && at !== undefined) endSlowest();
        start(at);
      });
      running.add(one);
      attempt(one.signal, one.heard).then(
        (value) => {
          if (!ended(one)) return;
          finish((loser) => new Beaten(loser.late));
          resolve(value);
        },
        (why: unknown) => {
          if (!ended(one)) return;
          start(next(false));
          if (running.size > 0) return;
          finish(() => why);
          reject(why instanceof Error ? why : new Error(String(why)));
        },
      );
    };

    if (signal.aborted) {
      reject(signal.reason as Error);
    } else if (attempts.length === 0) {
      reject(new Error('nobody to ask'));
    } else {
      signal.addEventListener('abort', abandon);
      start(0);
    }
  });
}

/** One attempt under way, and how patient we are with it. */
class Running {
  /** Whether another was asked because of this one. */
  late = false;
  /** Bytes that came. */
  received = 0;
  #total: number | null = null;
  readonly #began = Date.now();
  readonly #control = new AbortController();
  #slow: Timer;
  #silent: Timer | undefined;
  #hanging: Timer | undefined;

  constructor(
    private readonly patience: Patience,
    private readonly dueMs: () => number,
    private readonly askAnother: (why: 'silent' | 'slow') => void,
  ) {
    // Half of the time that there is, for the one that is asked then needs some too.
    const slowMs = Math.max(patience.silenceMs, Math.min(patience.slowMs, dueMs() / 2));
    this.#slow = this.#slowAfter(slowMs, patience.slowMs / 2);
    this.heard(0, null);
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  readonly heard = (received: number, total: number | null): void => {
    if (this.signal.aborted) return;
    this.received = received;
    this.#total = total;
    clearTimeout(this.#silent);
    clearTimeout(this.#hanging);
    this.#silent = setTimeout(() => {
      this.#isLate('silent');
    }, this.patience.silenceMs);
    this.#hanging = setTimeout(() => {
      this.end(new Hanging('no byte came'));
    }, this.patience.hangingMs);
  };

  end(reason: unknown): void {
    this.stopTimers();
    this.#control.abort(reason);
  }

  stopTimers(): void {
    clearTimeout(this.#slow);
    clearTimeout(this.#silent);
    clearTimeout(this.#hanging);
  }

  #slowAfter(ms: number, more: number): Timer {
    return setTimeout(() => {
      if (this.#msToGo() <= Math.min(more, this.dueMs())) this.#slow = this.#slowAfter(more, -1);
      else this.#isLate('slow');
    }, ms);
  }

  /** How long the rest will take, going on like this. */
  #msToGo(): number {
    if (this.#total === null || this.received === 0) return Infinity;
    return ((Date.now() - this.#began) * (this.#total - this.received)) / this.received;
  }

  #isLate(why: 'silent' | 'slow'): void {
    // Only once: an attempt that stutters is not a reason to ask everybody.
    if (!this.late) this.askAnother(why);
    this.late = true;
  }
}

type Timer = ReturnType<typeof setTimeout>;
