// A segment that is still being made goes on from another when one fails, and no chunk of it is given out unopened or twice.
import { beforeEach, afterEach, describe, expect, it, vi } from 'vitest';

import { Ledger } from '../src/fetch/ledger';
import { Mesh, type Taken } from '../src/fetch/mesh';
import type { Place } from '../src/fetch/standing';
import { NoAnswer, type Transport } from '../src/fetch/transport';
import type { PublicKey } from '../src/verify/ed25519';
import { openChunk } from '../src/verify/open';
import { type ChunkVerifier, verifyChunk } from '../src/verify/verifier';
import { verifyChunk as unverified } from './unverified/verifier';
import { FACTS, Origin, bytesOf } from './sealer';

const ORIGIN = new Origin(1);
const ID = { channel: 'demo', epoch: FACTS.epoch, track: 'v0', segment: 7 };
const COUNT = 4;
const CHUNKS = ORIGIN.segment(COUNT);
const WHOLE = CHUNKS.map((_, index) => index);

const place = (name: string, kind: Place['kind'] = 'box'): Place => ({
  name,
  kind,
  url: `http://${name}/live/demo/`,
});
const PLACES = [place('box-a'), place('box-b'), place('box-c'), place('origin', 'origin')];

type Step = Buffer | number | Error;
/** What a place sends: bytes, milliseconds of silence, or how it breaks off. */
type Answer = readonly Step[];
const never = [1e9];
/** Chunks as they are made, one every 250 ms; those that are there already at once. */
const live = (): Answer => {
  let at = Date.now() - began;
  return CHUNKS.flatMap((chunk, index) => {
    const wait = Math.max(0, 250 * index - at);
    at += wait;
    return [wait, chunk];
  });
};
const altered = (index: number, byte = -1): Buffer => {
  const copy = Buffer.from(CHUNKS[index]!);
  copy[(copy.length + byte) % copy.length]! ^= 1;
  return copy;
};

let answers: Record<string, () => Answer>;
let began: number;
let asked: string[];
let given: number[];
let givenAt: number[];
let ledger: Ledger;
let mesh: Mesh;
let over: boolean;
let away: boolean;
let verifier: ChunkVerifier;
let control: AbortController;
let key: PublicKey;

const transport: Transport = {
  get: vi.fn(),
  async *pieces(url, { signal }) {
    const { hostname } = new URL(url);
    asked.push(hostname);
    const steps = answers[hostname]!();
    for (const step of steps) {
      if (step instanceof Error) throw step;
      if (typeof step !== 'number') yield bytesOf(step);
      else await sleep(step, signal);
      signal.throwIfAborted();
    }
  },
};
const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error);
    });
  });
const flow = (): Promise<Taken> =>
  mesh.flow(ID, control.signal, {
    begun: () => undefined,
    give: ({ bytes }) => {
      const index = CHUNKS.findIndex((chunk) => chunk.equals(bytes));
      given.push(index);
      givenAt.push(Date.now());
    },
    isOver: () => over,
  });
/** Lets time pass until `done` has ended; seals are opened between its steps. */
async function through<T>(done: Promise<T>, limitMs = 40_000): Promise<T> {
  let ended = false as boolean;
  const mark = (): void => {
    ended = true;
  };
  done.then(mark, mark);
  for (let ms = 0; ms < limitMs && !ended; ms += 10) await vi.advanceTimersByTimeAsync(10);
  return await done;
}
const longestGap = (): number =>
  Math.max(...givenAt.slice(1).map((at, index) => at - givenAt[index]!));

beforeEach(async () => {
  // Seals are opened by what the page carries: the browser's own works beside the clock that is held here.
  const { getRandomValues } = crypto;
  vi.stubGlobal('crypto', { getRandomValues: getRandomValues.bind(crypto) });
  key = await ORIGIN.key();
  vi.useFakeTimers({ now: Number(FACTS.epoch) + 1_500 });
  began = Date.now();
  answers = {
    'box-a': () => live(),
    'box-b': () => live(),
    'box-c': () => live(),
    origin: () => live(),
  };
  [asked, given, givenAt, over, away] = [[], [], [], false, false];
  control = new AbortController();
  ledger = new Ledger();
  verifier = verifyChunk;
  mesh = new Mesh({
    transport,
    ledger,
    verify: vi.fn(),
    verifyChunk: (...told) => verifier(...told),
    keys: () => Promise.resolve([key]),
    away: () => away,
  });
  mesh.places = PLACES;
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('is given out chunk by chunk as it is made, by one alone', async () => {
  const done = flow();
  await through(sleep(300, control.signal));
  expect(given).toEqual([0, 1]);
  expect(await through(done)).toMatchObject({ bytes: Buffer.concat(CHUNKS).length });
  expect([given, asked]).toEqual([WHOLE, ['box-a']]);
  expect(ledger.appended).toEqual({ verified: COUNT, unverified: 0 });
});

describe('a box that fails in the middle', () => {
  it.each<[string, Answer]>([
    ['breaks off between two chunks', [CHUNKS[0]!, CHUNKS[1]!, new NoAnswer('cut', 0)]],
    ['breaks off in a chunk', [CHUNKS[0]!, CHUNKS[1]!.subarray(0, 40), new NoAnswer('cut', 0)]],
    ['falls silent between two chunks', [CHUNKS[0]!, CHUNKS[1]!, ...never]],
    ['falls silent in a chunk', [CHUNKS[0]!, CHUNKS[1]!.subarray(0, 40), ...never]],
    ['says nothing at all', never],
    ['is over its limits', [new NoAnswer('503', 503)]],
    ['has not got it', [new NoAnswer('404', 404)]],
    ['has its certificate expired, or is not there', [new NoAnswer('', 0)]],
  ])(
    'because it %s is followed by another, without a gap and without a repetition',
    async (_, answer) => {
      answers['box-a'] = () => answer;
      await through(flow());
      expect([given, asked]).toEqual([WHOLE, ['box-a', 'box-b']]);
      expect(longestGap()).toBeLessThan(1_000);
      expect(mesh.isBanned(PLACES[0]!)).toBe(false);
    },
  );

  it('is asked again only after others, when it was silent', async () => {
    answers['box-a'] = () => never;
    await through(flow());
    answers['box-a'] = () => live();
    await through(flow());
    expect(asked).toEqual(['box-a', 'box-b', 'box-b']);
  });

  it('loses nothing when it only stuttered, and both go on', async () => {
    answers['box-a'] = () => [CHUNKS[0]!, 700, ...CHUNKS.slice(1)];
    answers['box-b'] = () => [CHUNKS[0]!, ...never];
    await through(flow());
    expect(given).toEqual(WHOLE);
    expect(mesh.places[0] && ledger.of(mesh.places[0]).refused).toBe(0);
  });
});

it('goes on at the origin when two boxes are silent', async () => {
  for (const name of ['box-a', 'box-b', 'box-c']) answers[name] = () => [CHUNKS[0]!, ...never];
  await through(flow());
  expect(given).toEqual(WHOLE);
  expect(asked).toEqual(['box-a', 'box-b', 'origin']);
  expect(longestGap()).toBeLessThan(1_600);
});

it('goes on when a box drips so slowly that no chunk becomes whole', async () => {
  const bytes = CHUNKS[1]!;
  const drip = Array.from({ length: bytes.length }, (_, at) => [300, bytes.subarray(at, at + 1)]);
  answers['box-a'] = () => [CHUNKS[0]!, ...drip.flat()];
  await through(flow());
  expect(given).toEqual(WHOLE);
  expect(longestGap()).toBeLessThan(1_500);
});

describe('a lie in the middle', () => {
  const stranger = new Origin(2).segment(COUNT);
  const ofOther = (facts: object): Buffer[] => ORIGIN.segment(COUNT, facts);
  it.each<[string, Answer, string]>([
    ['an altered byte of the media', [CHUNKS[0]!, altered(1)], 'damaged'],
    ['an altered byte of the seal', [CHUNKS[0]!, altered(1, -90)], 'forged'],
    ['another signer', [CHUNKS[0]!, stranger[1]!], 'forged'],
    ['the chunk before once more', [CHUNKS[0]!, CHUNKS[0]!], 'unexpected'],
    ['a chunk too early', [CHUNKS[0]!, CHUNKS[2]!], 'unexpected'],
    ['one of the segment before', [CHUNKS[0]!, ofOther({ segment: 6 })[1]!], 'unexpected'],
    ['one of another track', [CHUNKS[0]!, ofOther({ track: 'v1' })[1]!], 'unexpected'],
    ['one of another channel', [CHUNKS[0]!, ofOther({ channel: 'other' })[1]!], 'unexpected'],
    [
      'one of an earlier epoch',
      [CHUNKS[0]!, ofOther({ epoch: FACTS.epoch - 1n })[1]!],
      'unexpected',
    ],
    ['an end before the last chunk', [CHUNKS[0]!, CHUNKS[1]!], 'malformed'],
    ['an end in a chunk', [CHUNKS[0]!, CHUNKS[1]!.subarray(0, 40)], 'malformed'],
    ['something unsealed', [CHUNKS[0]!, Buffer.from('\0\0\0\x09mdat!', 'latin1')], 'malformed'],
  ])('is refused, and the box left at once: %s', async (_, answer, reason) => {
    answers['box-a'] = () => answer;
    await through(flow());
    expect([given, asked]).toEqual([WHOLE, ['box-a', 'box-b']]);
    expect(longestGap()).toBeLessThan(600);
    expect(mesh.isBanned(PLACES[0]!)).toBe(true);
    expect(ledger.of(PLACES[0]!)).toMatchObject({ refused: 1, reason });
  });

  it('would be shown if nobody opened seals', async () => {
    verifier = unverified;
    answers['box-a'] = () => [CHUNKS[0]!, altered(1), ...CHUNKS.slice(2)];
    await through(flow());
    expect(given).toEqual([0, -1, 2, 3]);
    expect(ledger.appended).toEqual({ verified: 0, unverified: COUNT });
  });

  it('that comes after the last chunk is refused, and nothing of it given out', async () => {
    answers['box-a'] = () => [...CHUNKS, CHUNKS[0]!];
    await through(flow());
    await through(sleep(100, control.signal));
    expect(given).toEqual(WHOLE);
    expect(mesh.isBanned(PLACES[0]!)).toBe(true);
  });

  it('that all tell is never given out', async () => {
    for (const { name } of PLACES) answers[name] = () => [CHUNKS[0]!, altered(1)];
    await expect(through(flow())).rejects.toBeInstanceOf(Error);
    expect(given).toEqual([0]);
  });
});

describe('while nobody makes anything', () => {
  beforeEach(() => {
    for (const { name } of PLACES) answers[name] = () => [500, new NoAnswer('404', 404)];
  });

  it('waits for as long as the publisher is away, and goes on when it is back', async () => {
    away = true;
    const done = flow();
    await through(sleep(60_000, control.signal), 61_000);
    began = Date.now();
    for (const { name } of PLACES) answers[name] = () => live();
    await through(done);
    expect(given).toEqual(WHOLE);
    expect(asked.at(-1)).toBe('box-a');
  });

  it('ends with what there is when the epoch is over', async () => {
    for (const { name } of PLACES) {
      answers[name] = () => [CHUNKS[0]!, 3_000, new NoAnswer('cut', 0)];
    }
    const done = flow();
    await through(sleep(5_000, control.signal));
    over = true;
    expect(await through(done)).toMatchObject({ bytes: CHUNKS[0]!.length });
    expect(given).toEqual([0]);
  });

  it('gives up when it should be there and is not', async () => {
    await expect(through(flow())).rejects.toBeInstanceOf(Error);
  });

  it('asks nobody once it is ended', async () => {
    const done = flow();
    done.catch(() => undefined);
    await through(sleep(1_000, control.signal));
    control.abort(new Error('enough'));
    await expect(through(done)).rejects.toThrow('enough');
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(30_000);
    expect(asked).toHaveLength(before);
  });
});

it('opens a chunk by itself only in its own place', async () => {
  vi.useRealTimers();
  const chunk = bytesOf(CHUNKS[1]!);
  await expect(openChunk(chunk, ID, 1, [key])).resolves.toMatchObject({ index: 1, last: false });
  await expect(openChunk(chunk, ID, 2, [key])).rejects.toMatchObject({ reason: 'unexpected' });
  const two = bytesOf(CHUNKS[1]!, CHUNKS[2]!);
  await expect(openChunk(two, ID, 1, [key])).rejects.toMatchObject({ reason: 'malformed' });
});
