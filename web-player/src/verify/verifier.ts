/**
 * The one gate between the network and the picture.
 *
 * A {@link Verifier} is asynchronous so that it can move to a worker; what it gives out is an
 * {@link Opened}, and nothing else is ever appended to the media source.
 */
import type { Bytes } from './bytes';
import type { PublicKey } from './ed25519';
import { openSegment } from './open';
import type { SegmentId } from './record';

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
