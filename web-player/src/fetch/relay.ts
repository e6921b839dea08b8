/**
 * Asking several for what comes bit by bit: the chunks of a segment that is still being made.
 *
 * One is asked, and gives chunk after chunk. When no byte comes of it though one is due, or nothing new for longer, another
 * is asked as well, the last resort when two are late or there is no time left; whoever was silent when another gave the
 * next chunk has lost. One that failed gives its place to the next at once. What was given counts, whoever gave it.
 */
import { Beaten, Hanging, type Resort } from './race';

export interface Waiting {
  /** Without a byte for so long when one is due, another is asked as well. */
  readonly silenceMs: number;
  /** Bytes come, but no chunk is whole for so long after it was due: as well. */
  readonly slowMs: number;
  /** Without a byte for so long when one is due, it has failed. */
  readonly hangingMs: number;
  /** Milliseconds until the next chunk is due. */
  readonly dueMs: () => number;
}

export interface Bearing {
  readonly signal: AbortSignal;
  /** A byte came; the next is due at once, or with the next chunk. */
  heard(isWaiting: boolean): void;
  /** It gave what nobody gave before; whether that was the last of all. */
  gave(isLast: boolean): void;
}

/** Brings what is still to come, until it is ended; fails when it cannot. */
export type Bearer = (bearing: Bearing) => Promise<void>;

/** No more than this are asked at a time. */
const MOST = 3;
/** The picture will stand sooner than this: no time to try another box. */
const HURRY_MS = 500;
/** How long whoever gave the last of it may take to say that it was. */
const FAREWELL_MS = 1_000;

/** Resolves with the last; rejects with the last failure when nobody is left to be asked. */
export function relay(
  bearers: readonly Bearer[],
  waiting: Waiting,
  signal: AbortSignal,
  resort: Resort,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const running = new Set<Running>();
    const left = new Set(bearers.keys());
    let stuck: Timer;

    const finish = (reason: (one: Running) => unknown): void => {
      clearTimeout(stuck);
      signal.removeEventListener('abort', abandon);
      left.clear();
      for (const one of running) one.end(reason(one));
      running.clear();
    };
    const abandon = (): void => {
      finish(() => signal.reason);
      reject(signal.reason as Error);
    };
    const watch = (): void => {
      clearTimeout(stuck);
      stuck = setTimeout(() => {
        watch();
        if (running.size < MOST) start(next(true));
      }, waiting.dueMs() + waiting.slowMs);
    };
    const next = (isLate: boolean): number | undefined => {
      const late = [...running].filter((one) => one.late).length;
      const resorts = resort.dueMs() < HURRY_MS || (isLate && late > 1);
      return resorts && left.has(resort.index) ? resort.index : [...left][0];
    };
    const gave = (giver: Running, isLast: boolean): void => {
      if (isLast) {
        giver.leave();
        running.delete(giver);
        finish((one) => new Beaten(one.late));
        resolve();
        return;
      }
      for (const one of running) {
        if (one === giver || !one.late) continue;
        running.delete(one);
        one.end(new Beaten(true));
      }
      watch();
    };
    const start = (at: number | undefined): void => {
      const bearer = at === undefined ? undefined : bearers[at];
      if (at === undefined || !bearer) return;
      left.delete(at);
      const one: Running = new Running(
        waiting,
        (isLast) => {
          if (running.has(one)) gave(one, isLast);
        },
        () => {
          if (running.size < MOST) start(next(true));
        },
      );
      running.add(one);
      watch();
      bearer(one).then(
        () => {
          failed(one, new Error('it ended before its end'));
        },
        (why: unknown) => {
          failed(one, why);
        },
      );
    };
    const failed = (one: Running, why: unknown): void => {
      one.stopTimers();
      if (!running.delete(one)) return;
      start(next(false));
      if (running.size > 0) return;
      finish(() => why);
      reject(why instanceof Error ? why : new Error(String(why)));
    };

    if (signal.aborted) {
      reject(signal.reason as Error);
    } else if (bearers.length === 0) {
      reject(new Error('nobody to ask'));
    } else {
      signal.addEventListener('abort', abandon);
      start(0);
    }
  });
}

/** One that was asked, and how patient we are with it. */
class Running implements Bearing {
  /** Whether it is silent though it should not be. */
  late = false;
  readonly #control = new AbortController();
  #silent: Timer;
  #hanging: Timer;

  constructor(
    private readonly waiting: Waiting,
    readonly gave: (isLast: boolean) => void,
    private readonly askAnother: () => void,
  ) {
    this.heard(true);
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  heard(isWaiting: boolean): void {
    if (this.signal.aborted) return;
    this.stopTimers();
    this.late = false;
    const due = isWaiting ? this.waiting.dueMs() : 0;
    this.#silent = setTimeout(() => {
      this.late = true;
      this.askAnother();
    }, due + this.waiting.silenceMs);
    this.#hanging = setTimeout(() => {
      this.end(new Hanging('no byte came'));
    }, due + this.waiting.hangingMs);
  }

  end(reason: unknown): void {
    this.stopTimers();
    this.#control.abort(reason);
  }

  /** Nothing more is wanted of it: a connection whose answer came to its end may be used again. */
  leave(): void {
    this.stopTimers();
    this.#silent = setTimeout(() => {
      this.#control.abort(new Beaten(false));
    }, FAREWELL_MS);
  }

  stopTimers(): void {
    clearTimeout(this.#silent);
    clearTimeout(this.#hanging);
  }
}

type Timer = ReturnType<typeof setTimeout> | undefined;
