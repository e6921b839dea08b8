// Nothing is taken beyond its bound, and nothing of the viewer goes along.
import { afterEach, describe, expect, it, vi } from 'vitest';

import { NoAnswer, http } from '../src/fetch/transport';

const signal = new AbortController().signal;
const answering = (answer: Response): ReturnType<typeof vi.fn> => {
  const fetch = vi.fn(() => Promise.resolve(answer));
  vi.stubGlobal('fetch', fetch);
  return fetch;
};

/** A body that never ends, and what was taken of it. */
function endless(): { body: ReadableStream<Uint8Array>; taken: () => number } {
  let taken = 0;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      taken += 1_000;
      controller.enqueue(new Uint8Array(1_000));
    },
  });
  return { body, taken: () => taken };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

it('gives the body, and tells of it as it comes', async () => {
  answering(new Response(Uint8Array.of(1, 2, 3), { headers: { 'Content-Length': '3' } }));
  const seen: unknown[] = [];
  const bytes = await http.get('http://box/', {
    signal,
    limit: 10,
    onBytes: (...told) => seen.push(told),
  });
  expect(bytes).toEqual(Uint8Array.of(1, 2, 3));
  expect(seen).toEqual([
    [0, 3],
    [3, 3],
  ]);
});

it('sends no cookie, no referrer, and keeps nothing', async () => {
  const fetch = answering(new Response(''));
  await http.get('http://box/', { signal, limit: 10 });
  expect(fetch.mock.calls[0]?.[1]).toMatchObject({
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
    cache: 'no-store',
  });
});

describe('more than the bound', () => {
  it('is refused before it is read, when it is announced', async () => {
    const { body, taken } = endless();
    answering(new Response(body, { headers: { 'Content-Length': '1000000' } }));
    await expect(http.get('http://box/', { signal, limit: 5_000 })).rejects.toBeInstanceOf(
      NoAnswer,
    );
    expect(taken()).toBeLessThanOrEqual(2_000);
  });

  it('is refused as soon as it is over, when it is not', async () => {
    const { body, taken } = endless();
    answering(new Response(body));
    await expect(http.get('http://box/', { signal, limit: 5_000 })).rejects.toBeInstanceOf(
      NoAnswer,
    );
    expect(taken()).toBeLessThanOrEqual(8_000);
  });
});

describe('no answer', () => {
  it('tells the status, and how long to stay away', async () => {
    answering(new Response('', { status: 503, headers: { 'Retry-After': '7' } }));
    const lost = http.get('http://box/', { signal, limit: 10 });
    await expect(lost).rejects.toMatchObject({ status: 503, retryAfter: 7 });
  });

  it('has the status 0 when nobody is there', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed to fetch')));
    await expect(http.get('http://box/', { signal, limit: 10 })).rejects.toMatchObject({
      status: 0,
    });
  });
});
