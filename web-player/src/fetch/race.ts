/**
 * Asking one after another without waiting for the dead.
 *
 * Attempts start in order. The next one starts when the one before failed, fell silent, or takes
 * longer than a segment may; the first to succeed ends all others. So a box that hangs costs a moment
 * of patience and never a timeout.
 */

export interface Patience {
  /** Without a byte for this long, another is asked as well. */
  readonly silenceMs: number;
  /** Bytes come, but not the end: after this long another is asked as well. */
  readonly slowMs: number;
  /** Without a byte for this long, an attempt has failed. */
  readonly hangingMs: number;
}

/** Tells `heard` of every sign of life; stops when `signal` is aborted. */
export type Attempt<T> = (signal: AbortSignal, heard: () => void) => Promise<T>;

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
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const running = new Set<Running>();
    let next = 0;

    const finish = (reason: (one: Running) => unknown): void => {
      signal.removeEventListener('abort', abandon);
      next = attempts.length;
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
    const startNext = (): void => {
      const attempt = attempts[next];
      if (!attempt) return;
      next += 1;
      const one = new Running(patience, (why) => {
        // Where the viewer's own line is slow, one helper is enough: more would only slow it further.
        if (why === 'silent' || running.size < 2) startNext();
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
          startNext();
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
      startNext();
    }
  });
}

/** One attempt under way, and how patient we are with it. */
class Running {
  /** Whether another was asked because of this one. */
  late = false;
  readonly #control = new AbortController();
  readonly #slow: Timer;
  #silent: Timer | undefined;
  #hanging: Timer | undefined;

  constructor(
    private readonly patience: Patience,
    private readonly askAnother: (why: 'silent' | 'slow') => void,
  ) {
    this.#slow = setTimeout(() => {
      this.#isLate('slow');
    }, patience.slowMs);
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#control.signal;
  }

  readonly heard = (): void => {
    if (this.signal.aborted) return;
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

  #isLate(why: 'silent' | 'slow'): void {
    // Only once: an attempt that stutters is not a reason to ask everybody.
    if (!this.late) this.askAnother(why);
    this.late = true;
  }
}

type Timer = ReturnType<typeof setTimeout>;
