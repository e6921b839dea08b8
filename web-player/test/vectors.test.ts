// What the programs seal, the page opens: the vectors of the crate `wire`.
import { readFileSync } from 'node:fs';

import { beforeAll, describe, expect, it } from 'vitest';

import { hex, unhex } from '../src/verify/bytes';
import { type PublicKey, publicKey } from '../src/verify/ed25519';
import { openSegment } from '../src/verify/open';
import type { ChunkRecord, SegmentId } from '../src/verify/record';
import { Refusal } from '../src/verify/refusal';
import { bytesOf } from './sealer';

interface Sealed {
  channel: string;
  epoch: number;
  track: string;
  segment: number;
  index: number;
  last: boolean;
  time: number;
  duration: number;
  timescale: number;
  size: number;
  sha256: string;
  bytes: string;
}

interface Vectors {
  origin: string;
  stranger: string;
  init: Sealed;
  segment: Sealed[];
}

const path = new URL('../../wire/vectors/sealed.json', import.meta.url);
const vectors = JSON.parse(readFileSync(path, 'utf8')) as Vectors;

const idOf = (sealed: Sealed): SegmentId => ({
  channel: sealed.channel,
  epoch: BigInt(sealed.epoch),
  track: sealed.track,
  segment: sealed.segment,
});
const bytes = (...sealed: Sealed[]): Uint8Array<ArrayBuffer> =>
  bytesOf(...sealed.map((one) => unhex(one.bytes) ?? new Uint8Array()));
const shown = (record: ChunkRecord): object => ({
  ...record,
  epoch: Number(record.epoch),
  time: Number(record.time),
  sha256: hex(record.sha256),
});

let keys: PublicKey[];
let strangers: PublicKey[];
beforeAll(async () => {
  const both = await Promise.all([publicKey(vectors.origin), publicKey(vectors.stranger)]);
  [keys, strangers] = both.map((key) => (key ? [key] : [])) as [PublicKey[], PublicKey[]];
});

describe.each([
  ['the init segment', [vectors.init]],
  ['the media segment', vectors.segment],
])('%s', (_, sealed) => {
  const asked = idOf(sealed[0]!);

  it('opens to the same records', async () => {
    const records = await openSegment(bytes(...sealed), asked, keys);
    expect(records).toHaveLength(sealed.length);
    for (const [i, record] of records.entries()) expect(sealed[i]).toMatchObject(shown(record));
  });

  it('is refused with any one byte altered', async () => {
    const whole = bytes(...sealed);
    for (let at = 0; at < whole.length; at += 1) {
      const altered = whole.slice();
      altered[at]! ^= 1 << (at % 8);
      await expect(openSegment(altered, asked, keys), `byte ${at}`).rejects.toBeInstanceOf(Refusal);
    }
  });

  it('is refused at any shorter length', async () => {
    const whole = bytes(...sealed);
    for (let length = 0; length < whole.length; length += 1) {
      const cut = openSegment(whole.slice(0, length), asked, keys);
      await expect(cut, `${length} bytes`).rejects.toBeInstanceOf(Refusal);
    }
  });

  it('is refused under another name, and with a key that did not sign', async () => {
    const names = [
      { channel: 'other' },
      { epoch: asked.epoch + 1n },
      { track: 'a0' },
      { segment: asked.segment + 1 },
    ];
    for (const name of names) {
      const replayed = openSegment(bytes(...sealed), { ...asked, ...name }, keys);
      await expect(replayed).rejects.toBeInstanceOf(Refusal);
    }
    const stranger = openSegment(bytes(...sealed), asked, strangers);
    await expect(stranger).rejects.toMatchObject({ reason: 'forged' });
  });
});

it('a segment in another order is refused', async () => {
  const turned = bytes(...vectors.segment.toReversed());
  const opened = openSegment(turned, idOf(vectors.segment[0]!), keys);
  await expect(opened).rejects.toBeInstanceOf(Refusal);
});
