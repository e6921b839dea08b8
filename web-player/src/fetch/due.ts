/**
 * When the next chunk of a track may be expected: pure. A chunk cannot come before what it shows has happened, so nobody is
 * silent who has nothing to send yet.
 */
import type { SegmentId } from '../verify/record';
import type { Timing } from '../verify/verifier';

/** So many chunks tell how long the way from the encoder is: about two segments. */
const MOST_LAGS = 16;

interface Track {
  readonly epoch: bigint;
  readonly timing: Timing;
  /** Milliseconds from the end of a chunk to its coming, by two clocks that need not agree. */
  readonly lags: readonly number[];
}

export class Due {
  readonly #tracks = new Map<string, Track>();

  /** A chunk came that follows on those before, at `now` in milliseconds since 1970. */
  came({ track, epoch }: SegmentId, timing: Timing, now: number): void {
    const known = this.#tracks.get(track);
    const lag = now - Number(epoch) - timing.endsMs;
    const before = known?.epoch === epoch ? known.lags : [];
    this.#tracks.set(track, { epoch, timing, lags: [...before, lag].slice(-MOST_LAGS) });
  }

  /** Milliseconds until the next chunk is due, if it comes as soon as others did; 0 when it is, or when nobody knows. */
  untilNext({ track, epoch }: SegmentId, now: number): number {
    const known = this.#tracks.get(track);
    if (known?.epoch !== epoch) return 0;
    const { endsMs, lastsMs } = known.timing;
    const due = Number(epoch) + endsMs + lastsMs + Math.min(...known.lags);
    // A clock that was set back must not make anybody wait.
    return Math.min(Math.max(due - now, 0), 2 * lastsMs);
  }
}
