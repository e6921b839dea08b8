// An interruption is when the picture stands though it should move.
import { beforeEach, expect, it } from 'vitest';

import { Stalls } from '../src/watch/stalls';

let stalls: Stalls;
let now: number;
let position: number;

function pass(seconds: number, moves: boolean, shouldMove = true): void {
  for (let ms = 0; ms < seconds * 1_000; ms += 100) {
    now += 0.1;
    if (moves) position += 0.1;
    stalls.sample({ now, position, shouldMove });
  }
}

beforeEach(() => {
  stalls = new Stalls();
  now = 10;
  position = 500;
});

it('none while it moves', () => {
  pass(5, true);
  expect(stalls.list).toEqual([]);
});

it('one from when it stood until it moves, told of while it goes on', () => {
  pass(1, true);
  const since = now;
  pass(1, false);
  expect(stalls.list[0]?.at).toBeCloseTo(since);
  expect(stalls.list[0]?.seconds).toBeCloseTo(1);
  expect(stalls.standing(now)).toBeCloseTo(1);
  pass(1, false);
  pass(1, true);
  expect(stalls.list).toHaveLength(1);
  expect(stalls.list[0]?.seconds).toBeCloseTo(2);
});

it('one over a hole of the timeline tells how much there was not', () => {
  pass(1, true);
  pass(5, false);
  expect(stalls.isOpen).toBe(true);
  position += 5;
  pass(1, true);
  expect(stalls.isOpen).toBe(false);
  expect(stalls.list[0]?.skipped).toBeCloseTo(5.1);
  expect(stalls.list[0]?.seconds).toBeCloseTo(5);
});

it('not for a breath, nor for a pause', () => {
  pass(1, true);
  pass(0.2, false);
  pass(1, true);
  pass(30, false, false);
  pass(1, true);
  expect(stalls.list).toEqual([]);
});

it('not when a late timer sees that it moved meanwhile', () => {
  pass(1, true);
  now += 5;
  position += 5;
  stalls.sample({ now, position, shouldMove: true });
  expect(stalls.list).toEqual([]);
});

it('not when the broadcast ended', () => {
  pass(1, true);
  pass(1, false);
  stalls.forgive();
  expect(stalls.list).toEqual([]);
  expect(stalls.standing(now)).toBe(0);
});
