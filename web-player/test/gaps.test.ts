// A hole in the timeline costs as long as it is, and not a moment more.
import { describe, expect, it } from 'vitest';

import { type Hole, landing } from '../src/watch/gaps';

const OLD = { start: 80, end: 100 };
const NEW = { start: 105, end: 107 };
const hole = (change: Partial<Hole>): Hole => ({
  position: 99.9,
  buffered: [OLD, NEW],
  latency: 6,
  usual: 6,
  ...change,
});

describe('a hole', () => {
  it('is waited for as long as it is', () => {
    expect(landing(hole({}))).toBeNull();
    expect(landing(hole({ latency: 11 }))).toBeNull();
    expect(landing(hole({ latency: 11.1 }))).toBe(105);
  });

  it('whose length was waited for already, before the data came, is left at once', () => {
    expect(landing(hole({ latency: 13 }))).toBe(105);
  });

  it('is left at once by who was further behind than need be', () => {
    expect(landing(hole({ latency: 20 }))).toBe(105);
  });

  it('is left at once where nobody knows how far behind live it is', () => {
    expect(landing(hole({ latency: null }))).toBe(105);
  });

  it('that is a mere crack is not waited for', () => {
    expect(landing(hole({ position: 99.95, buffered: [OLD, { start: 100.04, end: 102 }] }))).toBe(
      100.04,
    );
  });
});

describe('no hole', () => {
  it('is where there is more to be shown', () => {
    expect(landing(hole({ position: 99, latency: 60 }))).toBeNull();
  });

  it('is where nothing follows', () => {
    expect(landing(hole({ buffered: [OLD], latency: 60 }))).toBeNull();
    expect(landing(hole({ buffered: [], latency: 60 }))).toBeNull();
  });
});

it('who came while there was nothing goes on where there is something', () => {
  expect(landing(hole({ position: 102, buffered: [NEW], latency: 9.1 }))).toBe(105);
});
