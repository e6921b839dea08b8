/**
 * Opening: how the page knows that a segment came from its channel's origin.
 *
 * A segment is its chunks in order, each with its own seal. All of them are opened before any is
 * shown: the signature, then the name, then the box that carries the seal, then the bytes.
 */
import { type Parts, carrierOf, splitInit, splitSegment } from './boxes';
import { type Bytes, concat, equal } from './bytes';
import { splitSeal } from './cose';
import { sha256 } from './digest';
import type { PublicKey } from './ed25519';
import {
  type ChunkRecord,
  INIT_SEGMENT,
  type SegmentId,
  nameOf,
  readRecord,
  sameSegment,
} from './record';
import { Refusal, malformed } from './refusal';

/**
 * The records of a segment that is wholly the one asked for. Throws a {@link Refusal} otherwise:
 * one altered, missing, added or moved byte is enough.
 */
export async function openSegment(
  bytes: Bytes,
  expected: SegmentId,
  keys: readonly PublicKey[],
): Promise<ChunkRecord[]> {
  const chunks = expected.segment === INIT_SEGMENT ? [splitInit(bytes)] : splitSegment(bytes);
  const records: ChunkRecord[] = [];
  for (const [index, chunk] of chunks.entries()) {
    const record = await openParts(chunk, expected, index, keys);
    // The end is sealed too: a segment can be neither cut at a chunk nor continued.
    if (record.last !== (index === chunks.length - 1)) {
      throw malformed(record.last ? 'goes on after its last chunk' : 'cut short of its last chunk');
    }
    records.push(record);
  }
  return records;
}

/**
 * The record of a chunk that is wholly the one of that index in its segment; throws a {@link Refusal} otherwise. For a segment
 * that is still coming: whoever asks for one index after another, until one is the last, has opened what {@link openSegment} does.
 */
export async function openChunk(
  bytes: Bytes,
  expected: SegmentId,
  index: number,
  keys: readonly PublicKey[],
): Promise<ChunkRecord> {
  const [chunk, more] = splitSegment(bytes);
  if (!chunk || more) throw malformed('more than one chunk');
  return await openParts(chunk, expected, index, keys);
}

async function openParts(
  chunk: Parts,
  expected: SegmentId,
  index: number,
  keys: readonly PublicKey[],
): Promise<ChunkRecord> {
  const { payload, signature, signed } = splitSeal(chunk.seal);
  // Who signed comes first: a stranger's payload is not worth reading.
  if (!(await signedByOneOf(keys, signature, signed))) {
    throw new Refusal('forged', `chunk ${index} is not signed by the channel's origin`);
  }
  const record = readRecord(payload);
  if (!sameSegment(record, expected) || record.index !== index) {
    throw new Refusal(
      'unexpected',
      `chunk ${nameOf(record)}#${record.index} came in the place of ${nameOf(expected)}#${index}`,
    );
  }
  // The carrier is outside the hash, so each byte of it must be the one that follows from the record.
  if (!equal(chunk.carrier, carrierOf(record, chunk.seal))) {
    throw malformed('the box around the seal is not as the record says');
  }
  const sealed = concat(chunk.head, chunk.body);
  if (sealed.length !== record.size || !equal(await sha256(sealed), record.sha256)) {
    throw new Refusal('damaged', `bytes of ${nameOf(record)}#${index} do not match their seal`);
  }
  return record;
}

async function signedByOneOf(
  keys: readonly PublicKey[],
  signature: Bytes,
  signed: Bytes,
): Promise<boolean> {
  for (const key of keys) {
    if (await key.verify(signature, signed)) return true;
  }
  return false;
}
