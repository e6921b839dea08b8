// @vitest-environment happy-dom
// What is being played stays in the manifest until it is played out; the newest epoch has no end.
import { expect, it } from 'vitest';

import { readManifest } from '../src/watch/manifest';
import { splice } from '../src/watch/splice';

const set = (id: number, runs: string): string => `<AdaptationSet mimeType="video/mp4">
  <SegmentTemplate timescale="1000" initialization="${id}/$RepresentationID$/init.m4v"><SegmentTimeline>${runs}</SegmentTimeline></SegmentTemplate>
  <Representation id="v0" codecs="avc1.64001f"/></AdaptationSet>`;
const period = (id: number, start: number, runs = '<S t="0" d="2000" r="4"/>', more = ''): string =>
  `<Period id="${id}" start="PT${start}S"${more}>${set(id, runs)}</Period>`;
const OPEN = ' minimumUpdatePeriod="PT1S" timeShiftBufferDepth="PT50S"';

function given(periods: string[], last: string[] | null, played: string | null, more = OPEN) {
  const mpd = (list: string[]): string =>
    `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"${more}>${list.join('')}</MPD>`;
  const read = (list: string[]) => {
    const manifest = readManifest(mpd(list), 'http://tracker/', 'demo', () => true);
    if (!manifest) throw new Error('no manifest');
    return manifest;
  };
  const document = splice(read(periods), last && read(last).document, played);
  return {
    depth: document.documentElement.getAttribute('timeShiftBufferDepth'),
    periods: [...document.getElementsByTagName('Period')].map((one) =>
      ['id', 'duration'].map((name) => one.getAttribute(name)),
    ),
  };
}

it('keeps a forgotten Period, as long as it was', () => {
  const { periods } = given([period(2, 125)], [period(1, 100)], '1');
  expect(periods).toEqual([
    ['1', 'PT10.000S'],
    ['2', null],
  ]);
});

it('lets no Period reach into the next', () => {
  const { periods } = given([period(2, 109.5)], [period(1, 100)], '1');
  expect(periods[0]).toEqual(['1', 'PT9.500S']);
});

it('keeps nothing that the manifest tells of itself, nor what is not played', () => {
  const past = period(1, 100, undefined, ' duration="PT10S"');
  expect(given([past, period(2, 125)], [period(1, 100)], '1').periods).toHaveLength(2);
  expect(given([period(2, 125)], [period(1, 100)], '2').periods).toHaveLength(1);
  expect(given([period(2, 125)], null, '1').periods).toHaveLength(1);
});

it('keeps nothing that would not come before the rest', () => {
  expect(given([period(2, 90)], [period(1, 100)], '1').periods).toHaveLength(1);
  const odd = period(1, 100).replace('PT100S', 'P1D');
  expect(given([period(2, 125)], [odd], '1').periods).toHaveLength(1);
});

it('leaves the newest Period open, until the manifest is the last one', () => {
  const closed = period(1, 100, undefined, ' duration="PT10S"');
  expect(given([closed], null, null).periods).toEqual([['1', null]]);
  expect(given([closed], null, null, '').periods).toEqual([['1', 'PT10S']]);
});

it('lets nobody who waits fall out of the window', () => {
  expect(given([period(1, 100)], null, null).depth).toBe('PT1H');
});
