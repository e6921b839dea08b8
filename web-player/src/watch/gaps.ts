/**
 * Where the picture goes on when the timeline has a hole. Pure.
 *
 * A hole is as long on the wall clock as it is in the media: who waits for just that long is behind
 * live afterwards as before, with the same buffer. Who waited elsewhere, or was further behind than
 * need be, goes on at once.
 */
export interface Range {
  readonly start: number;
  readonly end: number;
}

export interface Hole {
  /** Where the picture stands, in seconds of the presentation. */
  readonly position: number;
  /** What is there to be shown, in order. */
  readonly buffered: readonly Range[];
  /** Seconds behind live, which grow while the picture stands; null when nobody knows. */
  readonly latency: number | null;
  /** Seconds behind live when the picture last moved, or as the manifest suggests if that is less. */
  readonly usual: number;
}

/** A picture that stands may have so much left: sound and video do not end together. */
const LEFT_OVER_SECONDS = 0.3;
/** Less than this is not worth a wait. */
const CRACK_SECONDS = 0.12;
/** A look at the clock comes every tenth of a second. */
const SLACK_SECONDS = 0.06;

/** Where to go on now, or null to stay. For a picture that stands. */
export function landing(hole: Hole): number | null {
  const { position, buffered } = hole;
  const here = buffered.find(({ start, end }) => start <= position && position < end);
  if (here && here.end - position > LEFT_OVER_SECONDS) return null;
  const next = buffered.find(({ start }) => start > position);
  return next && isDue(next.start, hole) ? next.start : null;
}

/** Whether it is time to go on at `start`. */
export function isDue(
  start: number,
  { position, latency, usual }: Omit<Hole, 'buffered'>,
): boolean {
  const missing = start - position;
  if (missing < CRACK_SECONDS || latency === null) return true;
  return latency - missing >= usual - SLACK_SECONDS;
}
