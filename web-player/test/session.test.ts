// What the tracker tells is read with care, and holds while it is away.
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Transport } from '../src/fetch/transport';
import { readChannels } from '../src/session/news';
import { Session, channelIn } from '../src/session/session';
import { Origin } from './sealer';

const KEY = new Origin(1).hex;

describe('the address', () => {
  it.each([
    ['/watch/demo', 'demo'],
    ['/watch/a_b-9/', 'a_b-9'],
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
      { name: 'demo', live: true, epoch: 5n, keys: [KEY], boxes: 3 },
    ]);
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
    expect(readChannels({ channels: odd })).toEqual([
      { name: 'x', live: false, epoch: null, keys: [], boxes: 0 },
    ]);
  });

  it('are bounded', () => {
    const many = Array.from({ length: 5_000 }, () => ({ name: 'x', keys: Array(99).fill(KEY) }));
    const read = readChannels({ channels: many }) ?? [];
    expect(read).toHaveLength(1_000);
    expect(read[0]?.keys).toHaveLength(16);
  });
});

describe('a session', () => {
  let answer: unknown;
  const transport: Transport = {
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
