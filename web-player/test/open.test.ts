// A segment is shown only when every byte of it is as the origin sealed it.
import { beforeAll, describe, expect, it } from 'vitest';

import type { PublicKey } from '../src/verify/ed25519';
import { openSegment } from '../src/verify/open';
import type { SegmentId } from '../src/verify/record';
import { Refusal } from '../src/verify/refusal';
import { FACTS, Origin, box, bytesOf } from './sealer';

const ORIGIN = new Origin(1);
const STRANGER = new Origin(2);
const ASKED: SegmentId = { channel: 'demo', epoch: FACTS.epoch, track: 'v0', segment: 7 };

let keys: PublicKey[];
beforeAll(async () => {
  keys = [await ORIGIN.key()];
});

/** The reason for which a segment is refused; fails the test when it is opened instead. */
async function refusal(parts: Uint8Array[], asked = ASKED, by = keys): Promise<string> {
  const opened = await openSegment(bytesOf(...parts), asked, by).catch((why: unknown) => why);
  if (opened instanceof Refusal) return opened.reason;
  throw new Error(`not refused: ${String(opened)}`);
}

describe('what the origin sealed', () => {
  it('opens, chunk by chunk', async () => {
    const records = await openSegment(bytesOf(...ORIGIN.segment(4)), ASKED, keys);
    expect(records.map((record) => [record.index, record.last])).toEqual([
      [0, false],
      [1, false],
      [2, false],
      [3, true],
    ]);
  });

  it('opens as an init segment', async () => {
    const records = await openSegment(bytesOf(ORIGIN.init()), { ...ASKED, segment: 0 }, keys);
    expect(records).toHaveLength(1);
  });

  it('opens with any of the keys of the channel', async () => {
    const both = [await STRANGER.key(), ...keys];
    await expect(openSegment(bytesOf(ORIGIN.chunk()), ASKED, both)).resolves.toHaveLength(1);
  });

  it('opens at the far ends of every number', async () => {
    const far = { epoch: 2n ** 64n - 1n, track: 'a15', segment: 2 ** 32 - 1, time: 2n ** 64n - 1n };
    const chunk = ORIGIN.chunk({ ...far, duration: 2 ** 32 - 1, timescale: 2 ** 32 - 1 });
    await expect(openSegment(bytesOf(chunk), { ...ASKED, ...far }, keys)).resolves.toHaveLength(1);
  });
});

describe('one altered byte', () => {
  it('anywhere in a segment is refused', async () => {
    const sealed = bytesOf(...ORIGIN.segment(2));
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = sealed.slice();
      altered[at]! ^= 1 << (at % 8);
      await expect(openSegment(altered, ASKED, keys), `byte ${at}`).rejects.toBeInstanceOf(Refusal);
    }
  });

  it('anywhere in an init segment is refused', async () => {
    const sealed = bytesOf(ORIGIN.init());
    for (let at = 0; at < sealed.length; at += 1) {
      const altered = sealed.slice();
      altered[at]! ^= 1 << (at % 8);
      const opened = openSegment(altered, { ...ASKED, segment: 0 }, keys);
      await expect(opened, `byte ${at}`).rejects.toBeInstanceOf(Refusal);
    }
  });

  it('of the media is called damage, and of the seal forgery', async () => {
    const media = ORIGIN.chunk();
    media[media.length - 1]! ^= 1;
    expect(await refusal([media])).toBe('damaged');
    const seal = ORIGIN.chunk();
    seal[seal.indexOf('moof') - 10]! ^= 1;
    expect(await refusal([seal])).toBe('forged');
  });
});

describe('a segment that is not whole', () => {
  it('is refused at every length that it may be cut to', async () => {
    const sealed = bytesOf(...ORIGIN.segment(2));
    for (let length = 0; length < sealed.length; length += 1) {
      expect(await refusal([sealed.subarray(0, length)]), `${length} bytes`).toBe('malformed');
    }
  });

  it('is refused when a chunk is missing, added, moved or repeated', async () => {
    const [a, b, c] = ORIGIN.segment(3) as [Buffer, Buffer, Buffer];
    expect(await refusal([a, b])).toBe('malformed');
    expect(await refusal([b, c])).toBe('unexpected');
    expect(await refusal([a, c])).toBe('unexpected');
    expect(await refusal([b, a, c])).toBe('unexpected');
    expect(await refusal([a, b, c, c])).toBe('malformed');
    expect(await refusal([a, a, b, c])).toBe('unexpected');
  });

  it('is refused when something unsealed stands in it', async () => {
    const [a, b] = ORIGIN.segment(2) as [Buffer, Buffer];
    const free = box('free', Buffer.from('anything'));
    for (const parts of [
      [free, a, b],
      [a, free, b],
      [a, b, free],
    ]) {
      expect(await refusal(parts)).toBe('malformed');
    }
    expect(await refusal([box('moof', free), box('mdat', free)])).toBe('malformed');
  });
});

describe('a genuine chunk in the place of another', () => {
  const others: [string, Partial<typeof FACTS>][] = [
    ['of another channel', { channel: 'other' }],
    ['of an earlier epoch', { epoch: FACTS.epoch - 1n }],
    ['of another track', { track: 'v1' }],
    ['of another segment', { segment: 6 }],
    ['of another place in the segment', { index: 1 }],
  ];
  it.each(others)('%s is refused', async (_, facts) => {
    expect(await refusal([ORIGIN.chunk(facts)])).toBe('unexpected');
  });

  it('is refused when it is an init segment, or replaces one', async () => {
    expect(await refusal([ORIGIN.init()])).toBe('malformed');
    expect(await refusal([ORIGIN.chunk()], { ...ASKED, segment: 0 })).toBe('malformed');
  });
});

describe('who did not seal', () => {
  it('is a stranger, however well he seals', async () => {
    expect(await refusal([STRANGER.chunk()])).toBe('forged');
  });

  it('is anybody, while the keys are not known', async () => {
    expect(await refusal([ORIGIN.chunk()], ASKED, [])).toBe('forged');
  });

  it('is the origin, when it signed for another purpose', async () => {
    const chunk = ORIGIN.chunk({}, 'x', { purpose: 'boxmesh:hello:1' });
    expect(await refusal([chunk])).toBe('forged');
  });
});

describe('a seal in another form than its one', () => {
  it('is refused when its version is not spoken here', async () => {
    expect(await refusal([ORIGIN.chunk({}, 'x', { record: { version: 2 } })])).toBe('version');
  });

  it('is refused when it has unprotected headers, which nobody signed', async () => {
    const chunk = ORIGIN.chunk({}, 'x', { unprotected: Buffer.of(0xa1, 0x04, 0x40) });
    expect(await refusal([chunk])).toBe('malformed');
  });

  it('is refused when the box around it has flags', async () => {
    expect(await refusal([ORIGIN.chunk({}, 'x', { emsgFlags: 1 })])).toBe('malformed');
  });

  it('is refused when it is larger than any seal', async () => {
    const chunk = ORIGIN.chunk({}, 'x', { record: { sha256: Buffer.alloc(400) } });
    expect(await refusal([chunk])).toBe('too-large');
  });

  const records: [string, object][] = [
    ['size', { size: 1 }],
    ['hash of another length', { sha256: Buffer.alloc(31) }],
    ['index', { index: 64 }],
    ['timescale', { timescale: 0 }],
    ['track', { track: 'v16' }],
    ['track with a leading zero', { track: 'v00' }],
    ['channel', { channel: 'Demo' }],
  ];
  it.each(records)('is refused for a %s that cannot be, though signed', async (_, record) => {
    expect(['malformed', 'damaged']).toContain(await refusal([ORIGIN.chunk({}, 'x', { record })]));
  });
});
