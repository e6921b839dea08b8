// Nobody is called silent for what has not happened yet.
import { expect, it } from 'vitest';

import { Due } from '../src/fetch/due';
import { Speed } from '../src/fetch/speed';

const ID = { channel: 'demo', epoch: 1_790_000_000_000n, track: 'v0', segment: 7 };
const EPOCH = Number(ID.epoch);
const chunk = (endsMs: number): { endsMs: number; lastsMs: number } => ({ endsMs, lastsMs: 250 });

it('is as long after the end of a chunk as the fastest of the last', () => {
  const due = new Due();
  expect(due.untilNext(ID, EPOCH)).toBe(0);
  due.came(ID, chunk(1_000), EPOCH + 1_300);
  due.came(ID, chunk(1_250), EPOCH + 1_350);
  expect(due.untilNext(ID, EPOCH + 1_350)).toBe(250);
  expect(due.untilNext(ID, EPOCH + 1_500)).toBe(100);
  expect(due.untilNext(ID, EPOCH + 9_000)).toBe(0);
});

it('forgets what was fast once', () => {
  const due = new Due();
  for (let at = 1; at <= 20; at += 1) {
    due.came(ID, chunk(250 * at), EPOCH + 250 * at + (at < 4 ? 0 : 100));
  }
  expect(due.untilNext(ID, EPOCH + 5_100)).toBe(250);
});

it('counts each track and each epoch for itself, and never far ahead', () => {
  const due = new Due();
  due.came(ID, chunk(60_000), EPOCH);
  expect(due.untilNext({ ...ID, track: 'a0' }, EPOCH)).toBe(0);
  expect(due.untilNext({ ...ID, epoch: ID.epoch + 1n }, EPOCH)).toBe(0);
  expect(due.untilNext(ID, EPOCH - 60_000)).toBe(500);
});

it('measures a line by what comes within a chunk, not by the wait for the next', () => {
  const speed = new Speed();
  speed.came(100, 1_000, false);
  speed.came(900, 1_010, true);
  speed.came(100, 1_250, false);
  speed.came(900, 1_260, true);
  expect(speed).toMatchObject({ bytes: 1_800, ms: 20 });
});
