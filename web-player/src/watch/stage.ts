/**
 * What should be on the stage: pure, from what the tracker says and how the player fares.
 *
 * A new epoch is a new Period, and the player goes on into it by itself. Whoever is stuck while there
 * is something to be shown starts over, less and less eagerly; the last seconds of a channel are
 * always played out before it is called off the air, and while its publisher is away the last picture stays.
 */
import type { OnAir } from '../session/session';

export interface View {
  readonly onAir: OnAir;
  /** The epoch that is played, or that the player was attached for; null when none is attached. */
  readonly attached: bigint | null;
  /** Whether the manifest that is played is the last one: nothing follows in this player. */
  readonly isFinal: boolean;
  /** Whether what is played has come to its end. */
  readonly ended: boolean;
  /**
   * Milliseconds for which no picture has moved though it should, and there was something to show; 0
   * while it moves or is paused.
   */
  readonly stuckMs: number;
  /** Whether the video element lost its source: a decoder gave up. */
  readonly lost: boolean;
  /** Seconds of media ahead. */
  readonly buffer: number;
  /** Milliseconds since the epoch that is played lost its pace; below 0 while it has it. */
  readonly irregularMs: number;
  /** Milliseconds until another attempt may begin; 0 when it may. */
  readonly restMs: number;
  /** The epoch that this browser cannot decode, if there was one. */
  readonly undecodable: bigint | null;
}

export type Step = 'attach' | 'detach' | 'stay';

/** With less than this ahead and no movement, what there is has been played out. */
const EMPTY_SECONDS = 0.5;
const PLAYED_OUT_MS = 700;
/** A live channel whose picture stood for so long is attached again. */
const STUCK_MS = 12_000;
/** When it stands before the newest epoch. */
const LEFT_BEHIND_MS = 8_000;
const LOST_MS = 1_500;
/** What goes on by whole segments is attached again, further behind. One that ends does so too, until the tracker tells of it. */
const IRREGULAR_MS = 4_000;

export function nextStep(view: View): Step {
  const { onAir, attached } = view;
  const playedOut = view.ended || (view.stuckMs >= PLAYED_OUT_MS && view.buffer < EMPTY_SECONDS);
  switch (onAir.kind) {
    case 'unknown':
      return 'stay';
    case 'missing':
    case 'off-air':
      return attached !== null && playedOut ? 'detach' : 'stay';
    case 'live': {
      if (onAir.keys.length === 0) return attached === null ? 'stay' : 'detach';
      if (onAir.epoch === view.undecodable) {
        return attached !== null && playedOut ? 'detach' : 'stay';
      }
      if (onAir.away || view.restMs > 0) return 'stay';
      if (attached === null) return 'attach';
      const isNewest = attached === onAir.epoch;
      if (view.isFinal && !isNewest) return playedOut ? 'attach' : 'stay';
      if (isNewest && view.irregularMs >= IRREGULAR_MS) return 'attach';
      return view.stuckMs >= patience(view.lost, isNewest) ? 'attach' : 'stay';
    }
  }
}

function patience(lost: boolean, isNewest: boolean): number {
  if (lost) return LOST_MS;
  return isNewest ? STUCK_MS : LEFT_BEHIND_MS;
}

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 15_000;

/** How long to wait before the attempt that follows `failures` failed ones. */
export const restAfter = (failures: number): number =>
  Math.min(FIRST_REST_MS * 2 ** Math.max(0, failures - 1), LONGEST_REST_MS);
