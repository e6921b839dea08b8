/**
 * What should be on the stage: pure, from what the tracker says and how the player fares.
 *
 * The last seconds of an epoch are always played out before the next begins or the channel is called
 * off the air, and whoever is stuck while the channel is live starts over, less and less eagerly.
 */
import type { OnAir } from '../session/session';

export interface View {
  readonly onAir: OnAir;
  /** The epoch that the player was attached for; null when none is attached. */
  readonly attached: bigint | null;
  /** Milliseconds for which no picture has moved though it should; 0 while it moves or is paused. */
  readonly stuckMs: number;
  /** Whether the video element lost its source: a decoder gave up. */
  readonly lost: boolean;
  /** Seconds of media ahead. */
  readonly buffer: number;
  /** Milliseconds until another attempt may begin; 0 when it may. */
  readonly restMs: number;
  /** The epoch that this browser cannot decode, if there was one. */
  readonly undecodable: bigint | null;
}

export type Step = 'attach' | 'detach' | 'stay';

/** With less than this ahead and no movement, an epoch is played out. */
const EMPTY_SECONDS = 0.5;
const PLAYED_OUT_MS = 700;
/** A live channel whose picture stood for so long is attached again. */
const STUCK_MS = 12_000;
const LOST_MS = 1_500;

export function nextStep(view: View): Step {
  const { onAir, attached } = view;
  const playedOut = view.stuckMs >= PLAYED_OUT_MS && view.buffer < EMPTY_SECONDS;
  switch (onAir.kind) {
    case 'unknown':
      return 'stay';
    case 'missing':
    case 'off-air':
      return attached !== null && playedOut ? 'detach' : 'stay';
    case 'live': {
      if (onAir.keys.length === 0 || onAir.epoch === view.undecodable) {
        return attached === null ? 'stay' : 'detach';
      }
      if (view.restMs > 0) return 'stay';
      if (attached === null) return 'attach';
      if (attached !== onAir.epoch) return playedOut ? 'attach' : 'stay';
      return view.stuckMs >= (view.lost ? LOST_MS : STUCK_MS) ? 'attach' : 'stay';
    }
  }
}

const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 15_000;

/** How long to wait before the attempt that follows `failures` failed ones. */
export const restAfter = (failures: number): number =>
  Math.min(FIRST_REST_MS * 2 ** Math.max(0, failures - 1), LONGEST_REST_MS);
