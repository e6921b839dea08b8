/**
 * The negative control: a verifier that accepts everything, and says so.
 *
 * `vite build --mode unverified` puts it in the place of the real one. Tests serve that build to
 * show that without the check altered bytes do reach the screen. It is never embedded in a program.
 */
import type { ChunkVerifier, Verifier } from '../../src/verify/verifier';

export const verify: Verifier = (bytes) => Promise.resolve({ bytes, chunks: 1, verified: false });

export const verifyChunk: ChunkVerifier = (bytes) =>
  Promise.resolve({ bytes, last: false, timing: null, verified: false });
