// What the tracker tells is read with care, and holds while it is away.
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Getter } from '../src/fetch/transport';
import { readBoxes, readChannels } from '../src/session/news';
import { Session, channelIn } from '../src/session/session';
import { Origin } from './sealer';

const KEY = new Origin(1).hex;
const NOTHING = {
  state: 'ended',
  epoch: null,
  since: null,
  viewers: null,
  keys: [],
  boxes: 0,
  poster: null,
  origin: '',
  originBytes: 0,
  tracks: [],
  warnings: [],
};

describe('the address', () => {
  it.each([
    ['/watch/demo', 'demo'],
    ['/watch/a_b-9/', 'a_b-9'],
    ['/embed/demo', 'demo'],
  ])('%s names %s', (path, name) => {
    expect(channelIn(path)).toBe(name);
  });
  it.each([
    '/',
    '/watch/',
    '/watch/Demo',
    '/watch/a/b',
    '/watch/%64emo',
    `/watch/${'a'.repeat(33)}`,
  ])('%s names none', (path) => {
    expect(channelIn(path)).toBeNull();
  });
});

describe('the channels', () => {
  it('are read', () => {
    const demo = { name: 'demo', live: true, epoch: 5, keys: [KEY], newest: 9, boxes: 3 };
    expect(readChannels({ channels: [demo] })).toEqual([
      {
        ...NOTHING,
        name: 'demo',
        title: 'demo',
        state: 'live',
        epoch: 5n,
        since: 5,
        keys: [KEY],
        boxes: 3,
      },
    ]);
  });

  it.each([
    [{ live: true }, 'live'],
    [{ live: true, state: 'away' }, 'away'],
    [{ live: false, state: 'ended' }, 'ended'],
    [{ live: false, state: 'asleep' }, 'ended'],
  ])('in the state %j are %s', (said, state) => {
    const channel = { name: 'demo', epoch: 5, keys: [], boxes: 0, ...said };
    expect(readChannels({ channels: [channel] })?.[0]?.state).toBe(state);
  });

  it.each([null, 1, 'x', [], {}, { channels: 1 }])('are none in %j', (json) => {
    expect(readChannels(json)).toBeNull();
  });

  it('lose what is out of shape, and nothing else', () => {
    const odd = [
      null,
      3,
      {},
      { name: 'UPPER' },
      { name: 'x', live: 'yes', epoch: 1.5, keys: ['no', 5] },
    ];
    expect(readChannels({ channels: odd })).toEqual([{ ...NOTHING, name: 'x', title: 'x' }]);
  });

  it('tell of their title, since when they are on air, and how many watch', () => {
    const demo = { name: 'demo', title: 'A demo', live: true, epoch: 5, since: 7, viewers: 12 };
    expect(readChannels({ channels: [demo] })?.[0]).toMatchObject({
      title: 'A demo',
      since: 7,
      viewers: 12,
    });
    const ended = { ...demo, live: false, title: 8, viewers: 'x' };
    expect(readChannels({ channels: [ended] })?.[0]).toMatchObject({
      title: 'demo',
      since: null,
      viewers: null,
    });
  });

  it('tell of their picture, their tracks and what is wrong with them', () => {
    const track = { id: 'v0', codecs: 'avc1.64001f', bits_per_second: 3_000_000, more: 1 };
    const warning = { code: 'keyframe-interval', text: 'Keyframes are 10 s apart.' };
    const demo = { name: 'demo', tracks: [track, 7], warnings: [warning, null] };
    const poster = '/compat/live/demo/1790000000000/poster/3.jpg';
    expect(readChannels({ channels: [{ ...demo, poster }] })?.[0]).toMatchObject({
      poster,
      tracks: [{ id: 'v0', codecs: 'avc1.64001f', bitsPerSecond: 3_000_000 }],
      warnings: [warning],
    });
  });

  it.each([null, 5, 'http://elsewhere/a.jpg', '//elsewhere/a.jpg', '/a.svg', 'javascript:1'])(
    'have no picture at %j',
    (poster) => {
      const read = readChannels({ channels: [{ name: 'demo', poster }] });
      expect(read?.[0]?.poster).toBeNull();
    },
  );

  it('are bounded', () => {
    const many = Array.from({ length: 5_000 }, () => ({ name: 'x', keys: Array(99).fill(KEY) }));
    const read = readChannels({ channels: many }) ?? [];
    expect(read).toHaveLength(1_000);
    expect(read[0]?.keys).toHaveLength(16);
  });
});

describe('the boxes', () => {
  it('are read', () => {
    const box = {
      ...{ id: 'box-1', http: 'http://192.0.2.1:8090', channels: ['demo'], listed: false },
      ...{ why: 'it does not answer', upload_bits_per_second: 20_000_000 },
      ...{ sending_bits_per_second: 5_000_000, viewers: 3, age_ms: 1_200 },
    };
    expect(readBoxes({ boxes: [box, { ...box, listed: true }] })).toMatchObject([
      { why: 'it does not answer', viewers: 3, channels: 1, uploadBitsPerSecond: 20_000_000 },
      { why: null, age: 1_200, sendingBitsPerSecond: 5_000_000 },
    ]);
  });

  it('lose what is out of shape', () => {
    expect(readBoxes({ boxes: [null, {}] })).toMatchObject([{ id: '', viewers: 0, why: '' }]);
    expect(readBoxes({})).toBeNull();
  });
});

describe('a session', () => {
  let answer: unknown;
  const transport: Getter = {
    get: () =>
      answer === null
        ? Promise.reject(new Error('away'))
        : Promise.resolve(new TextEncoder().encode(JSON.stringify(answer))),
  };
  let session: Session;
  beforeEach(() => {
    vi.stubGlobal('location', { href: 'http://tracker/watch/demo' });
    session = new Session('demo', transport);
    answer = { channels: [{ name: 'demo', live: true, epoch: 5, keys: [KEY, '00'.repeat(32)] }] };
    return () => {
      vi.unstubAllGlobals();
    };
  });

  it('knows nothing before the tracker answered', async () => {
    expect(session.onAir.kind).toBe('unknown');
    expect(await session.keys(false)).toEqual([]);
  });

  it('learns the epoch, and of the keys those that are usable', async () => {
    await session.refresh();
    expect(session.onAir).toMatchObject({ kind: 'live', epoch: 5n });
    expect((await session.keys(false)).map((key) => key.hex)).toEqual([KEY]);
  });

  it('is live, and says so, while the publisher is away', async () => {
    const demo = { name: 'demo', live: true, state: 'away', epoch: 5, keys: [KEY] };
    answer = { channels: [demo] };
    await session.refresh();
    expect(session.onAir).toMatchObject({ kind: 'live', away: true, epoch: 5n });
    answer = { channels: [{ ...demo, state: 'live' }] };
    await session.refresh();
    expect(session.onAir).toMatchObject({ kind: 'live', away: false });
  });

  it('keeps what it knows while the tracker is away', async () => {
    await session.refresh();
    answer = null;
    await session.refresh();
    expect(session.reachable).toBe(false);
    expect(session.onAir.kind).toBe('live');
  });

  it('keeps the keys while the last seconds of a channel are played', async () => {
    await session.refresh();
    answer = { channels: [{ name: 'demo', live: false, epoch: 5, keys: [KEY] }] };
    await session.refresh();
    expect(session.onAir.kind).toBe('off-air');
    expect(await session.keys(false)).toHaveLength(1);
    answer = { channels: [] };
    await session.refresh();
    expect(session.onAir.kind).toBe('missing');
  });
});
