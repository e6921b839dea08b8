// @vitest-environment happy-dom
// The panel tells where the video comes from, and says "verified" only when all of it is.
import { beforeEach, describe, expect, it } from 'vitest';

import { Ledger } from '../src/fetch/ledger';
import type { Place } from '../src/fetch/standing';
import { bytes, count, percent, seconds, shortName } from '../src/panel/numbers';
import { Panel } from '../src/panel/panel';

const BOX: Place = {
  name: 'box-3f2a91c4-7d10-8e5b-9c33-0a4d5e6f7a81',
  url: 'http://b/',
  kind: 'box',
};
const ORIGIN: Place = { name: 'origin', url: 'http://o/', kind: 'origin' };

let ledger: Ledger;
let panel: Panel;
const shown = (banned: Place[] = []): HTMLElement => {
  panel.show({
    ledger,
    isBanned: (place) => banned.includes(place),
    latency: 4.24,
    height: 360,
    buffer: 3,
    interruptions: [],
  });
  return panel.element;
};
const rows = (): string[][] =>
  [...shown().querySelectorAll('tbody tr:not(.note)')].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );

beforeEach(() => {
  ledger = new Ledger();
  panel = new Panel();
});

it('has a row for each source, the origin last', () => {
  ledger.of(ORIGIN).bytes = 1_000;
  ledger.of(BOX).bytes = 9_000;
  expect(rows()).toEqual([
    ['box-3f2a91c4', '9 kB', '90 %', '0'],
    ['Origin', '1 kB', '10 %', '0'],
  ]);
  expect(panel.element.textContent).toContain('90 % from boxes, 10 % from the origin');
});

it('names the box that sent altered data', () => {
  ledger.of(BOX).refused = 1;
  expect(shown([BOX]).textContent).toContain('left out: it sent altered data');
});

describe('the badge', () => {
  const badge = (): string => shown().querySelector('.badge')?.textContent ?? '';
  it('says verified only when there was something, and all of it was', () => {
    expect(badge()).toBe('Checking');
    ledger.appended.verified = 4;
    expect(badge()).toBe('Verified');
    ledger.appended.unverified = 1;
    expect(badge()).toBe('Not verified');
  });
});

describe('numbers', () => {
  it('are short and do not lie', () => {
    expect([0, 999, 1_000, 412_345, 13_249_000, 2.5e9].map(bytes)).toEqual([
      '0 B',
      '999 B',
      '1 kB',
      '412 kB',
      '13.2 MB',
      '2.5 GB',
    ]);
    expect(percent(0, 0)).toBe('0 %');
    expect(percent(1, 10_000)).toBe('1 %');
    expect(percent(9_999, 10_000)).toBe('99 %');
    expect(percent(5, 5)).toBe('100 %');
    expect(seconds(null)).toBe('–');
    expect(seconds(-0.2)).toBe('0.0 s');
    expect(count(1_234_567)).toBe('1\u{202f}234\u{202f}567');
    expect(shortName(BOX.name)).toBe('box-3f2a91c4');
  });
});
