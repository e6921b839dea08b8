// @vitest-environment happy-dom
// The panel tells where the video comes from, and says "verified" only when all of it is.
import { beforeEach, describe, expect, it } from 'vitest';

import { Ledger } from '../src/fetch/ledger';
import type { Place } from '../src/fetch/standing';
import { bytes, count, percent, seconds, shortName } from '../src/panel/numbers';
import { type Figures, Panel } from '../src/panel/panel';
import { Series } from '../src/panel/series';
import { Speeds } from '../src/panel/speeds';
import type { Diagnostics } from '../src/watch/diagnostics';

const BOX: Place = {
  name: 'box-3f2a91c4-7d10-8e5b-9c33-0a4d5e6f7a81',
  url: 'http://b/',
  kind: 'box',
};
const ORIGIN: Place = { name: 'origin', url: 'http://o/', kind: 'origin' };

const DIAGNOSTICS: Diagnostics = {
  state: 'playing',
  message: '',
  channel: 'demo',
  onAir: 'live',
  epoch: 1_700_000_000_000,
  paused: false,
  muted: true,
  heights: [720, 360],
  chosenHeight: null,
  latency: 2.04,
  buffer: 1.5,
  stalls: [{ at: 3, seconds: 1.25, skipped: 0 }],
  bytes: {},
  refused: {},
  banned: [],
  verifiedChunks: 12,
  unverifiedChunks: 0,
  firstPictureAt: 0.7,
};

let ledger: Ledger;
let panel: Panel;
const shown = (banned: Place[] = [], more: Partial<Figures> = {}): HTMLElement => {
  panel.show({
    ledger,
    isBanned: (place) => banned.includes(place),
    latency: 4.24,
    height: 360,
    buffer: 3,
    dropped: 0,
    interruptions: [],
    onlyOrigin: false,
    boxesNeedHttps: false,
    now: 1_000,
    ...more,
  });
  return panel.element;
};
const rows = (): string[][] =>
  [...shown().querySelectorAll('tbody tr:not(.note)')].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );

beforeEach(() => {
  ledger = new Ledger();
  panel = new Panel(() => DIAGNOSTICS);
});

it('has a row for each source, the origin last', () => {
  ledger.of(ORIGIN).bytes = 1_000;
  ledger.of(BOX).bytes = 9_000;
  expect(rows()).toEqual([
    ['box-3f2a91c4', '9 kB', '0 kbit/s', '90 %', '0'],
    ['Origin', '1 kB', '0 kbit/s', '10 %', '0'],
  ]);
  expect(panel.element.textContent).toContain('90 % from boxes, 10 % from the origin');
});

it('names the box that sent altered data', () => {
  ledger.of(BOX).refused = 1;
  expect(shown([BOX]).textContent).toContain('left out: it sent altered data');
});

it('draws each source, with its share and what it was refused', () => {
  ledger.of(BOX).bytes = 9_000;
  ledger.of(BOX).refused = 2;
  ledger.of(ORIGIN).bytes = 1_000;
  const picture = shown([BOX]).querySelector('.flow')!;
  expect(picture.getAttribute('aria-label')).toBe('90 % from boxes, 10 % from the origin');
  const [box, origin] = ['box-0', 'origin'].map(
    (hue) => picture.querySelector(`.line.${hue}`)!.parentElement!,
  );
  expect(box!.textContent).toContain('90 % · 0 kbit/s · Refused: 2');
  expect(box!.classList.contains('banned')).toBe(true);
  expect(origin!.classList.contains('banned')).toBe(false);
  const width = (source: Element): number =>
    Number(source.querySelector('.line')!.getAttribute('stroke-width'));
  expect(width(box!)).toBeGreaterThan(width(origin!));
});

it('says why no box is asked', () => {
  const said = (more: Partial<Figures>): string =>
    shown([], more).querySelector('.remark')!.textContent;
  expect(said({})).toBe('');
  expect(said({ boxesNeedHttps: true })).toContain('over https');
  expect(said({ onlyOrigin: true, boxesNeedHttps: true })).toContain('as you chose');
});

it('gives all of it as text', () => {
  ledger.of(BOX).bytes = 9_000;
  ledger.of(BOX).refused = 1;
  shown([BOX], { dropped: 3 });
  const text = panel.text();
  for (const line of [
    'state: playing, on air: live, epoch: 1700000000000',
    'behind live: 2.0 s, buffer: 1.5 s',
    'dropped pictures: 3',
    'stalls: 1.3 s',
    `${BOX.name}: 9 kB, 0 kbit/s, 1 refused, left out`,
    'behind live (s): 4.2 to 4.2 in the last minute, now 4.2',
  ]) {
    expect(text.split('\n')).toContain(line);
  }
  expect(panel.element.querySelector('button')!.textContent).toBe('Copy as text');
});

describe('a graph', () => {
  it('holds the last minute, the newest at its right edge and the highest at the top', () => {
    const series = new Series();
    series.add(0, 100);
    series.add(30_000, 1);
    series.add(60_001, 4);
    series.add(60_002, null);
    expect(series.values).toEqual([1, 4]);
    expect(series.points(60_001)).toBe('60.0,20.0 120.0,2.0');
  });
});

describe('a speed', () => {
  it('is that of the last ten seconds', () => {
    const speeds = new Speeds();
    expect(speeds.note('a', 0, 5_000)).toBe(0);
    expect(speeds.note('a', 1_000, 6_000)).toBe(8_000);
    expect(speeds.note('b', 1_000, 6_000)).toBe(0);
    expect(speeds.note('a', 20_000, 6_000)).toBe(0);
  });
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
