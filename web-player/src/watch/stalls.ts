/** Interruptions after the start: when the picture stood though it should have moved. Pure. */

export interface Stall {
  /** When it began, in seconds since the page began to load. */
  at: number;
  /** How long it was, or has been so far. */
  seconds: number;
  /** How much of the timeline was skipped at its end: media that there never was, or that came too late. */
  skipped: number;
}

export interface Sample {
  /** Seconds since the page began to load. */
  readonly now: number;
  /** The video's `currentTime`. */
  readonly position: number;
  /** Whether the picture should move: started, and not paused. */
  readonly shouldMove: boolean;
}

/** Shorter than this is how decoders breathe. */
const SHORTEST_SECONDS = 0.25;
/** Who moves by more than this between two samples has skipped something. */
const SKIP_SECONDS = 0.3;
const MOST = 1_000;

export class Stalls {
  readonly list: Stall[] = [];
  #movedAt: number | null = null;
  #position = 0;
  #open: Stall | null = null;

  /** Whether an interruption goes on. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  /** Seconds for which the picture has stood though it should have moved. */
  standing(now: number): number {
    return this.#movedAt === null ? 0 : now - this.#movedAt;
  }

  /** What is going on now is no interruption: the broadcast ended, or the viewer went elsewhere. */
  forgive(): void {
    if (this.#open) this.list.splice(this.list.indexOf(this.#open), 1);
    this.#open = null;
    this.#movedAt = null;
  }

  sample({ now, position, shouldMove }: Sample): void {
    const moved = position !== this.#position;
    const by = position - this.#position;
    this.#position = position;
    if (!shouldMove) {
      this.#movedAt = null;
      this.#open = null;
    } else if (moved || this.#movedAt === null) {
      if (this.#open && by > SKIP_SECONDS) this.#open.skipped = by;
      this.#movedAt = now;
      this.#open = null;
    } else {
      this.#stands(this.#movedAt, now - this.#movedAt);
    }
  }

  #stands(at: number, seconds: number): void {
    if (seconds < SHORTEST_SECONDS) return;
    if (!this.#open && this.list.length < MOST) {
      this.#open = { at, seconds, skipped: 0 };
      this.list.push(this.#open);
    }
    if (this.#open) this.#open.seconds = seconds;
  }
}
