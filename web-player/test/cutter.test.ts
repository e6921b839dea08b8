// A chunk is known by its boxes as soon as its last byte is there, however the network cuts it.
import { describe, expect, it } from 'vitest';

import { MAX_CHUNK_BYTES } from '../src/verify/boxes';
import { Cutter } from '../src/verify/cutter';
import { Refusal } from '../src/verify/refusal';
import { Origin, box, bytesOf } from './sealer';

const CHUNKS = new Origin(1).segment(3);
const ALL = bytesOf(...CHUNKS);

/** What comes out when the bytes come in pieces of that size. */
function cut(bytes: Uint8Array, size: number): { chunks: Buffer[]; rest: number } {
  const cutter = new Cutter();
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    chunks.push(...cutter.take(bytes.subarray(at, at + size)).map((chunk) => Buffer.from(chunk)));
  }
  return { chunks, rest: cutter.rest };
}

it('gives the same chunks in pieces of every size', () => {
  for (let size = 1; size <= ALL.length; size += 1) {
    expect(cut(ALL, size), `${size} bytes`).toEqual({ chunks: CHUNKS, rest: 0 });
  }
});

it('gives a chunk with its last byte, and not before', () => {
  const [first] = CHUNKS as [Buffer];
  const cutter = new Cutter();
  expect(cutter.take(ALL.subarray(0, first.length - 1))).toEqual([]);
  expect(cutter.rest).toBe(first.length - 1);
  expect(cutter.take(ALL.subarray(first.length - 1, first.length))).toHaveLength(1);
  expect(cutter.rest).toBe(0);
});

it('gives memory of its own, which what comes later does not change', () => {
  const bytes = ALL.slice();
  const [first] = new Cutter().take(bytes);
  bytes.fill(0);
  expect(Buffer.from(first!)).toEqual(CHUNKS[0]);
});

describe('what can be no chunk', () => {
  const size = (bytes: number, kind: string): Uint8Array => {
    const header = box(kind, Buffer.alloc(0));
    header.writeUInt32BE(bytes);
    return header;
  };
  it.each<[string, Uint8Array, string]>([
    ['a box without an end', size(0, 'mdat'), 'malformed'],
    ['a box of 64 bits', size(1, 'mdat'), 'malformed'],
    [
      'one box after another',
      bytesOf(...Array.from({ length: 6 }, () => size(8, 'free'))),
      'malformed',
    ],
    ['a box over the bound', size(MAX_CHUNK_BYTES + 1, 'mdat'), 'too-large'],
    ['boxes over the bound together', bytesOf(size(2 ** 32 - 1, 'moof')), 'too-large'],
  ])('is refused before it is kept: %s', (_, bytes, reason) => {
    const take = (): unknown => new Cutter().take(bytes);
    expect(take).toThrow(Refusal);
    expect(take).toThrow(expect.objectContaining({ reason }));
  });
});
