// The player gets a segment as the origin sealed it from whoever has it, or nothing.
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { Ledger } from '../src/fetch/ledger';
import { Mesh, pathOf } from '../src/fetch/mesh';
import type { Place } from '../src/fetch/standing';
import { NoAnswer, type Transport } from '../src/fetch/transport';
import type { PublicKey } from '../src/verify/ed25519';
import { Refusal } from '../src/verify/refusal';
import { type Verifier, verify, verifyChunk } from '../src/verify/verifier';
import { FACTS, Origin, bytesOf } from './sealer';

const ORIGIN = new Origin(1);
const ID = { channel: 'demo', epoch: FACTS.epoch, track: 'v0', segment: 7 };
const GOOD = bytesOf(...ORIGIN.segment(3));

const place = (name: string, kind: Place['kind'] = 'box'): Place => ({
  name,
  kind,
  url: `http://${name}/live/demo/`,
});
const PLACES = [place('box-a'), place('box-b'), place('origin', 'origin')];

type Answer = () => Promise<Uint8Array<ArrayBuffer>>;
const bytes =
  (content: Uint8Array<ArrayBuffer>): Answer =>
  () =>
    Promise.resolve(content);
const status =
  (code: number): Answer =>
  () =>
    Promise.reject(new NoAnswer(String(code), code));
/** A verifier that takes no time, for tests that hold the clock. */
const atOnce: Verifier = (content) =>
  content.every((byte, i) => byte === GOOD[i])
    ? Promise.resolve({ bytes: content, chunks: 3, verified: true })
    : Promise.reject(new Refusal('damaged', 'altered'));
const altered = (): Uint8Array<ArrayBuffer> => {
  const copy = GOOD.slice();
  copy[copy.length - 1]! ^= 1;
  return copy;
};

let answers: Record<string, Answer>;
let asked: string[];
let ledger: Ledger;
let mesh: Mesh;
let verifier: Verifier;
let told: PublicKey[];
let fresh: PublicKey[];

const transport: Transport = {
  get: async (url, order) => {
    const { hostname } = new URL(url);
    asked.push(hostname);
    const content = await (answers[hostname] ?? status(0))();
    order.onBytes?.(content.length, content.length);
    return content;
  },
  pieces: vi.fn(),
};
const segment = (): ReturnType<Mesh['segment']> => mesh.segment(ID, new AbortController().signal);

beforeEach(async () => {
  answers = { 'box-a': bytes(GOOD), 'box-b': bytes(GOOD), origin: bytes(GOOD) };
  asked = [];
  told = fresh = [await ORIGIN.key()];
  ledger = new Ledger();
  const keys = (again: boolean): Promise<PublicKey[]> => Promise.resolve(again ? fresh : told);
  verifier = verify;
  const parts = { transport, keys, ledger };
  mesh = new Mesh({ ...parts, verifyChunk, verify: (...given) => verifier(...given) });
  mesh.places = PLACES;
});

it('asks by the names of the protocol', () => {
  expect(pathOf(ID)).toBe('1790000000000/v0/7.m4v');
  expect(pathOf({ ...ID, track: 'a0', segment: 0 })).toBe('1790000000000/a0/init.m4a');
});

it('gives out what the first box has, and counts it', async () => {
  const opened = await segment();
  expect(opened).toEqual({ bytes: GOOD, chunks: 3, verified: true });
  expect(asked).toEqual(['box-a']);
  expect(ledger.appended).toEqual({ verified: 3, unverified: 0 });
  expect(ledger.of(PLACES[0]!)).toMatchObject({ bytes: GOOD.length, refused: 0 });
});

describe('altered bytes', () => {
  it('are refused, the next box is asked, and the liar never again', async () => {
    answers['box-a'] = bytes(altered());
    expect((await segment()).bytes).toEqual(GOOD);
    await segment();
    expect(asked).toEqual(['box-a', 'box-b', 'box-b']);
    expect(mesh.isBanned(PLACES[0]!)).toBe(true);
    expect(ledger.of(PLACES[0]!)).toMatchObject({ refused: 1, reason: 'damaged' });
    expect(ledger.appended).toEqual({ verified: 6, unverified: 0 });
  });

  it('are never given out, even when nobody has others', async () => {
    vi.useFakeTimers();
    verifier = atOnce;
    answers = { 'box-a': bytes(altered()), 'box-b': bytes(altered()), origin: bytes(altered()) };
    const lost = expect(segment()).rejects.toMatchObject({ reason: 'damaged' });
    await vi.advanceTimersByTimeAsync(60_000);
    vi.useRealTimers();
    await lost;
    expect(ledger.appended).toEqual({ verified: 0, unverified: 0 });
  });
});

describe('another key', () => {
  it('is no forgery when the tracker tells it by now', async () => {
    const renewed = new Origin(9);
    answers['box-a'] = bytes(bytesOf(...renewed.segment(3)));
    fresh = [await ORIGIN.key(), await renewed.key()];
    expect((await segment()).chunks).toBe(3);
    expect(mesh.isBanned(PLACES[0]!)).toBe(false);
  });

  it('is forgery when the tracker knows nothing of it', async () => {
    answers['box-a'] = bytes(bytesOf(...new Origin(9).segment(3)));
    await segment();
    expect(ledger.of(PLACES[0]!)).toMatchObject({ refused: 1, reason: 'forged' });
  });
});

describe('a box that cannot serve', () => {
  it.each([
    ['does not answer', 0],
    ['is over its limits', 503],
    ['has lost it', 404],
  ])('because it %s is passed over, and not called a liar', async (_, code) => {
    answers['box-a'] = status(code);
    await segment();
    expect(asked).toEqual(['box-a', 'box-b']);
    expect(mesh.isBanned(PLACES[0]!)).toBe(false);
  });

  it('is not asked first again at once', async () => {
    answers['box-a'] = status(0);
    await segment();
    answers['box-a'] = bytes(GOOD);
    await segment();
    expect(asked).toEqual(['box-a', 'box-b', 'box-b']);
  });
});

describe('when nobody has it', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    verifier = atOnce;
    return () => {
      vi.useRealTimers();
    };
  });

  it('goes on asking, so that a moment without anybody is no end', async () => {
    answers = {};
    const found = segment();
    await vi.advanceTimersByTimeAsync(5_000);
    answers = { 'box-b': bytes(GOOD) };
    await vi.advanceTimersByTimeAsync(3_000);
    expect((await found).chunks).toBe(3);
  });

  it('gives up soon when all say that there is no such segment', async () => {
    answers = { 'box-a': status(404), 'box-b': status(404), origin: status(404) };
    const lost = expect(segment()).rejects.toMatchObject({ status: 404 });
    await vi.advanceTimersByTimeAsync(2_000);
    await lost;
  });

  it('stops when the player wants no more', async () => {
    answers = {};
    const control = new AbortController();
    const lost = expect(mesh.segment(ID, control.signal)).rejects.toThrow('enough');
    await vi.advanceTimersByTimeAsync(1_000);
    control.abort(new Error('enough'));
    await lost;
    const before = asked.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toHaveLength(before);
  });
});
