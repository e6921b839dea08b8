import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Seen } from '../src/fetch/seen';
import type { Place } from '../src/fetch/standing';
import { type Advice, Steering, advised, readAdvice } from '../src/fetch/steering';
import type { Getter } from '../src/fetch/transport';

const place = (name: string, host: string): Place => ({
  name,
  url: `http://${host}/live/demo/`,
  kind: name.startsWith('box-') ? 'box' : 'origin',
});
const ORIGIN = place('origin', 'origin.example');
const PLACES = [place('box-a', '192.0.2.1:8090'), place('box-b', '192.0.2.2:8090'), ORIGIN];

const told = (order: string[], clones: object[] = []): unknown => ({
  VERSION: 1,
  TTL: 5,
  'PATHWAY-PRIORITY': order,
  'PATHWAY-CLONES': clones,
});
const clone = (id: string, host: unknown): object => ({
  'BASE-ID': 'origin',
  ID: id,
  'URI-REPLACEMENT': { HOST: host },
});
const read = (json: unknown): Advice => {
  const advice = readAdvice(json);
  if (!advice) throw new Error('no advice');
  return advice;
};

describe('advice', () => {
  it('puts the places in its order, leaves out whom it does not name, and keeps the origin', () => {
    const names = (order: string[]): string[] =>
      advised(PLACES, read(told(order))).map((one) => one.name);
    expect(names(['box-b', 'box-a', 'origin'])).toEqual(['box-b', 'box-a', 'origin']);
    expect(names(['box-b'])).toEqual(['box-b', 'origin']);
    expect(names(['box-x'])).toEqual(['box-a', 'box-b', 'origin']);
  });

  it('adds boxes that the manifest does not name, and nothing that is no host', () => {
    const hosts = ['192.0.2.7:8090', 'evil/x', 'user@evil', '', 7, 'a b'];
    const clones = hosts.map((host, n) => clone(`box-${String(n)}`, host));
    const order = hosts.map((_, n) => `box-${String(n)}`);
    const places = advised(PLACES, read(told([...order, 'box-a', 'origin'], clones)));
    expect(places.map((one) => one.name)).toEqual(['box-0', 'box-a', 'origin']);
    expect(places[0]).toEqual(place('box-0', '192.0.2.7:8090'));
    const moved = advised(PLACES, read(told(['box-a'], [clone('box-a', 'evil.example')])));
    expect(moved[0]).toEqual(PLACES[0]);
  });

  it('is read with care', () => {
    for (const none of [null, [], {}, { VERSION: 2 }, told([]), { VERSION: 1 }]) {
      expect(readAdvice(none)).toBeNull();
    }
    const bold = { VERSION: 1, TTL: -3, 'PATHWAY-PRIORITY': ['a', 7], 'PATHWAY-CLONES': [7, {}] };
    expect(readAdvice(bold)).toEqual({
      ttl: 1,
      order: ['a'],
      clones: [{ base: '', id: '', host: '' }],
    });
  });
});

describe('what was seen', () => {
  it('is told once, the best of each box, and a failure only while it was the last', () => {
    const seen = new Seen();
    const [a, b] = PLACES as [Place, Place, Place];
    seen.served(a, 1_000, 100);
    seen.served(a, 1_000, 50);
    seen.served(a, 1_000_000, 1);
    seen.failed(a);
    seen.served(a, 1_000, 100);
    seen.failed(b);
    seen.failed(ORIGIN);
    seen.served(ORIGIN, 1_000, 100);
    expect(seen.tell()).toEqual([
      ['_DASH_pathway', '"box-a"'],
      ['_DASH_throughput', '160000'],
      ['failed', 'box-b'],
    ]);
    expect(seen.tell()).toEqual([]);
  });
});

describe('steering', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('is asked for every few seconds where the newest manifest says, until the end', async () => {
    const asked: string[] = [];
    const transport: Getter = {
      get: (url) => {
        asked.push(url);
        if (asked.length === 2) return Promise.reject(new Error('away'));
        return Promise.resolve(new TextEncoder().encode(JSON.stringify(told(['box-b']))));
      },
    };
    const seen = new Seen();
    const advices: Advice[] = [];
    const steering = new Steering(transport, seen, (advice) => advices.push(advice));
    steering.at('http://t/steering/dash/demo?session=1');
    seen.failed(place('box-a', 'x'));
    await vi.advanceTimersByTimeAsync(5_000);
    steering.at('http://t/steering/dash/demo?session=2');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(asked).toEqual([
      'http://t/steering/dash/demo?session=1&failed=box-a',
      'http://t/steering/dash/demo?session=2',
      'http://t/steering/dash/demo?session=2',
    ]);
    expect(advices.map((advice) => advice.order)).toEqual([['box-b'], ['box-b']]);
    steering.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(3);
  });
});
