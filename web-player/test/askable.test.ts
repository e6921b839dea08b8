// Who wants no box to see them is seen by none; and a page that came over https asks nobody in vain.
import { beforeEach, describe, expect, it } from 'vitest';

import { posterOf } from '../src/channels/cards';
import { boxesNeedHttps, mayAsk } from '../src/fetch/askable';
import { Ledger } from '../src/fetch/ledger';
import { Mesh } from '../src/fetch/mesh';
import type { Place } from '../src/fetch/standing';
import { NoAnswer, type Transport } from '../src/fetch/transport';
import { readChannels } from '../src/session/news';
import { verify, verifyChunk } from '../src/verify/verifier';
import { FACTS, Origin, bytesOf } from './sealer';

const SEALER = new Origin(1);
const ID = { channel: 'demo', epoch: FACTS.epoch, track: 'v0', segment: 7 };
const GOOD = bytesOf(...SEALER.segment(3));

const place = (name: string, url: string): Place => ({
  name,
  kind: name === 'origin' ? 'origin' : 'box',
  url,
});
const PLAIN = place('box-a', 'http://192.0.2.1:8090/live/demo/');
const SAFE = place('box-b', 'https://b.example/live/demo/');
const OWN = place('box-c', 'http://127.0.0.1:8090/live/demo/');
const ORIGIN = place('origin', 'https://origin.example/live/demo/');

let asked: string[];
let fail: (host: string) => boolean;
const transport: Transport = {
  get: (url) => {
    const { host } = new URL(url);
    asked.push(host);
    return fail(host) ? Promise.reject(new NoAnswer('away', 0)) : Promise.resolve(GOOD);
  },
  async *pieces(url, order) {
    yield await transport.get(url, order);
  },
};
async function mesh(isHttps: boolean, places: readonly Place[]): Promise<Mesh> {
  const keys = [await SEALER.key()];
  const ledger = new Ledger();
  const parts = {
    transport,
    verify,
    verifyChunk,
    ledger,
    isHttps,
    keys: () => Promise.resolve(keys),
  };
  const made = new Mesh(parts);
  made.places = places;
  return made;
}
const get = (from: Mesh): ReturnType<Mesh['segment']> =>
  from.segment(ID, new AbortController().signal);

beforeEach(() => {
  asked = [];
  fail = () => false;
});

describe('a viewer who wants only the origin', () => {
  it('is seen by no box, as soon as they say so', async () => {
    const boxes = await mesh(false, [PLAIN, SAFE, ORIGIN]);
    await get(boxes);
    expect(asked).toEqual(['192.0.2.1:8090']);

    asked = [];
    boxes.onlyOrigin = true;
    for (let segment = 0; segment < 3; segment += 1) await get(boxes);
    // New places, from a manifest or from steering, change nothing.
    boxes.places = [SAFE, OWN, ORIGIN];
    await get(boxes);
    expect(new Set(asked)).toEqual(new Set(['origin.example']));
  });

  it('is seen by no other box in the midst of a segment either', async () => {
    const boxes = await mesh(false, [PLAIN, SAFE, ORIGIN]);
    fail = (host) => {
      if (host === 'origin.example') return false;
      boxes.onlyOrigin = true;
      return true;
    };
    await get(boxes);
    expect(asked).toEqual(['192.0.2.1:8090', 'origin.example']);
  });

  it('is seen by none while a segment is made', async () => {
    const boxes = await mesh(false, [PLAIN, SAFE, ORIGIN]);
    boxes.onlyOrigin = true;
    const given: number[] = [];
    await boxes.flow(ID, new AbortController().signal, {
      begun: () => undefined,
      give: (chunk) => given.push(chunk.bytes.length),
      isOver: () => false,
    });
    expect(given).toHaveLength(3);
    expect(asked).toEqual(['origin.example']);
  });

  it('is seen by no other box in the midst of one that is made', async () => {
    const boxes = await mesh(false, [PLAIN, SAFE, ORIGIN]);
    fail = (host) => {
      if (host === 'origin.example') return false;
      boxes.onlyOrigin = true;
      return true;
    };
    await boxes.flow(ID, new AbortController().signal, {
      begun: () => undefined,
      give: () => undefined,
      isOver: () => false,
    });
    expect(asked).toEqual(['192.0.2.1:8090', 'origin.example']);
  });

  it('gets posters from the origin too, to which the tracker does not lead', () => {
    const [channel] = readChannels({
      channels: [
        {
          name: 'demo',
          state: 'live',
          epoch: 5,
          poster: '/compat/live/demo/5/poster/3.jpg',
          origin: { http: 'http://192.0.2.9:8081' },
        },
      ],
    })!;
    expect(posterOf(channel!, false)).toBe('/compat/live/demo/5/poster/3.jpg');
    expect(posterOf(channel!, true)).toBe('http://192.0.2.9:8081/live/demo/5/poster/3.jpg');
    expect(posterOf({ ...channel!, origin: '' }, true)).toBeNull();
  });
});

describe('a page that came over https', () => {
  it('plays from the origin when boxes have http only, asks none, and knows why', async () => {
    const boxes = await mesh(true, [PLAIN, ORIGIN]);
    expect(boxes.boxesNeedHttps).toBe(true);
    await get(boxes);
    expect(asked).toEqual(['origin.example']);
  });

  it('asks boxes that have https, and those on the viewer’s own machine', async () => {
    const boxes = await mesh(true, [PLAIN, SAFE, ORIGIN]);
    expect(boxes.boxesNeedHttps).toBe(false);
    await get(boxes);
    expect(asked).toEqual(['b.example']);
    const bounds = { onlyOrigin: false, isHttps: true };
    expect([PLAIN, SAFE, OWN, ORIGIN].map((one) => mayAsk(one, bounds))).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect(boxesNeedHttps([OWN, ORIGIN], true)).toBe(false);
    expect(boxesNeedHttps([ORIGIN], true)).toBe(false);
  });

  it('is the only one that minds', async () => {
    const boxes = await mesh(false, [PLAIN, ORIGIN]);
    expect(boxes.boxesNeedHttps).toBe(false);
    await get(boxes);
    expect(asked).toEqual(['192.0.2.1:8090']);
  });
});
