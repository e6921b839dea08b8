/**
 * The one gate between the network and the picture.
 *
 * A {@link Verifier} is asynchronous so that it can move to a worker; what it gives out is an
 * {@link Opened} or, of a segment that is still coming, an {@link OpenedChunk}, and nothing else is ever
 * appended to the media source.
 */
import type { Bytes } from './bytes';
import type { PublicKey } from './ed25519';
import { openChunk, openSegment } from './open';
import type { ChunkRecord, SegmentId } from './record';

/** A whole segment that passed the verifier. */
export interface Opened {
  readonly bytes: Bytes;
  readonly chunks: number;
  /** False only from the verifier of the tests' unverified build. */
  readonly verified: boolean;
}

/** Rejects with a {@link Refusal} when one byte of the segment is not as the origin sealed it. */
export type Verifier = (
  bytes: Bytes,
  expected: SegmentId,
  keys: readonly PublicKey[],
) => Promise<Opened>;

export const verify: Verifier = async (bytes, expected, keys) => {
  const records = await openSegment(bytes, expected, keys);
  return { bytes, chunks: records.length, verified: true };
};

/** A chunk that passed the verifier, with what follows from its record. */
export interface OpenedChunk {
  readonly bytes: Bytes;
  /** Whether its segment ends with it. */
  readonly last: boolean;
  /** When it ends and how long it lasts, in milliseconds of its epoch; null where nobody read its record. */
  readonly timing: Timing | null;
  /** As in {@link Opened}. */
  readonly verified: boolean;
}

export interface Timing {
  readonly endsMs: number;
  readonly lastsMs: number;
}

/** Rejects with a {@link Refusal} unless it is the chunk of that index in that segment, as the origin sealed it. */
export type ChunkVerifier = (
  bytes: Bytes,
  expected: SegmentId,
  index: number,
  keys: readonly PublicKey[],
) => Promise<OpenedChunk>;

export const verifyChunk: ChunkVerifier = async (bytes, expected, index, keys) => {
  const record = await openChunk(bytes, expected, index, keys);
  return { bytes, last: record.last, timing: timingOf(record), verified: true };
};

function timingOf({ time, duration, timescale }: ChunkRecord): Timing {
  const ms = (ticks: number): number => (1000 * ticks) / timescale;
  return { endsMs: ms(Number(time) + duration), lastsMs: ms(duration) };
}
