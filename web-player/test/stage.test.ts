// It begins by itself, goes on by itself, plays out what is left, and never gives up.
import { describe, expect, it } from 'vitest';

import type { OnAir } from '../src/session/session';
import { type View, nextStep, restAfter } from '../src/watch/stage';

const key = { hex: '', bytes: new Uint8Array(), verify: () => Promise.resolve(true) };
const live = (epoch = 1n, away = false): OnAir => ({ kind: 'live', epoch, keys: [key], away });
const view = (change: Partial<View>): View => ({
  onAir: live(),
  attached: null,
  isFinal: false,
  ended: false,
  stuckMs: 0,
  lost: false,
  buffer: 3,
  irregularMs: -Infinity,
  restMs: 0,
  undecodable: null,
  ...change,
});
const step = (change: Partial<View>): string => nextStep(view(change));

describe('a channel that is live', () => {
  it('is attached, but not before its keys are known', () => {
    expect(step({})).toBe('attach');
    expect(step({ onAir: { kind: 'live', epoch: 1n, keys: [], away: false } })).toBe('stay');
  });

  it('is left alone while it plays', () => {
    expect(step({ attached: 1n })).toBe('stay');
  });

  it('is attached again when it is stuck for long, in due time', () => {
    expect(step({ attached: 1n, stuckMs: 5_000, buffer: 0 })).toBe('stay');
    expect(step({ attached: 1n, stuckMs: 12_000, buffer: 0 })).toBe('attach');
    expect(step({ attached: 1n, stuckMs: 12_000, buffer: 0, restMs: 1 })).toBe('stay');
  });

  it('is attached again when it goes on by whole segments, but not when it is about to end', () => {
    expect(step({ attached: 1n, irregularMs: 3_000 })).toBe('stay');
    expect(step({ attached: 1n, irregularMs: 4_000 })).toBe('attach');
    expect(step({ attached: 1n, irregularMs: 4_000, restMs: 1 })).toBe('stay');
    expect(step({ attached: 1n, irregularMs: 4_000, onAir: live(1n, true) })).toBe('stay');
    expect(step({ attached: 1n, irregularMs: 4_000, onAir: { kind: 'off-air' } })).toBe('stay');
  });

  it('is attached again soon when the decoder gave up', () => {
    expect(step({ attached: 1n, stuckMs: 1_000, lost: true })).toBe('stay');
    expect(step({ attached: 1n, stuckMs: 2_000, lost: true })).toBe('attach');
  });
});

describe('a new epoch', () => {
  const next = { onAir: live(2n), attached: 1n };

  it('is a new Period, into which the player goes by itself', () => {
    expect(step(next)).toBe('stay');
    expect(step({ ...next, stuckMs: 5_000, buffer: 0 })).toBe('stay');
  });

  it('is attached when the player does not', () => {
    expect(step({ ...next, stuckMs: 8_000, buffer: 0 })).toBe('attach');
  });

  it('is attached when the last manifest was the last of all, and is played out', () => {
    expect(step({ ...next, isFinal: true })).toBe('stay');
    expect(step({ ...next, isFinal: true, ended: true })).toBe('attach');
    expect(step({ ...next, isFinal: true, stuckMs: 800, buffer: 0 })).toBe('attach');
  });
});

describe('a channel whose publisher is away', () => {
  it('keeps its last picture', () => {
    expect(step({ onAir: live(1n, true), attached: 1n, stuckMs: 25_000, buffer: 0 })).toBe('stay');
  });

  it('is attached when the publisher is back', () => {
    expect(step({ onAir: live(1n, true) })).toBe('stay');
    expect(step({ onAir: live(2n) })).toBe('attach');
  });
});

describe('a channel that goes off air', () => {
  it.each([{ kind: 'off-air' }, { kind: 'missing' }] as const)('is played out ($kind)', (onAir) => {
    expect(step({ onAir, attached: 1n })).toBe('stay');
    expect(step({ onAir, attached: 1n, stuckMs: 800, buffer: 0 })).toBe('detach');
    expect(step({ onAir, attached: 1n, ended: true })).toBe('detach');
    expect(step({ onAir })).toBe('stay');
  });
});

it('a tracker that has not answered yet changes nothing', () => {
  expect(step({ onAir: { kind: 'unknown' } })).toBe('stay');
});

it('video that cannot be decoded is not tried again, until the next epoch', () => {
  expect(step({ undecodable: 1n, attached: 1n })).toBe('stay');
  expect(step({ undecodable: 1n, attached: 1n, stuckMs: 800, buffer: 0 })).toBe('detach');
  expect(step({ undecodable: 1n })).toBe('stay');
  expect(step({ undecodable: 1n, onAir: live(2n) })).toBe('attach');
});

it('pauses between attempts grow, up to a bound', () => {
  expect([0, 1, 2, 3, 4, 5, 50].map(restAfter)).toEqual([
    1_000, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
  ]);
});
