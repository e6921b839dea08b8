// @vitest-environment happy-dom
// The picture of the mesh: who is there, how busy, who feeds whom, and whose bytes viewers got.
import { describe, expect, it } from 'vitest';

import { readBoxes, readChannels } from '../src/session/news';
import { HALF, MOST_DRAWN, places } from '../src/status/layout';
import { Picture, sharesOf } from '../src/status/picture';
import { boxRow } from '../src/status/rows';

const box = (id: string, more: object = {}): object => ({
  id,
  listed: true,
  channels: ['demo'],
  upload_bits_per_second: 20_000_000,
  sending_bits_per_second: 1_000_000,
  ...more,
});
const channels = readChannels({
  channels: [
    { name: 'demo', live: true, epoch: 5, origin: { http: 'http://o:1', viewer_bytes: 25 } },
  ],
})!;
const drawn = (...boxes: object[]): HTMLElement => {
  const picture = new Picture();
  picture.show(channels, readBoxes({ boxes })!);
  return picture.element;
};

it('has a place of its own for each box that is drawn, within the picture', () => {
  for (const count of [0, 1, 3, 12, 13, 48, 500]) {
    const all = places(count);
    expect(all).toHaveLength(Math.min(count, MOST_DRAWN));
    expect(new Set(all.map(({ x, y }) => `${x} ${y}`)).size).toBe(all.length);
    for (const { x, y } of all) expect(Math.hypot(x - HALF, y - HALF)).toBeLessThan(HALF);
  }
});

it('leads from the origin to its seeds, and from box to box', () => {
  const picture = drawn(
    box('a', { seeds: ['demo'] }),
    box('b', {
      neighbours: [
        { id: 'a', gave: true },
        { id: 'c', gave: false },
      ],
    }),
    box('c', {
      neighbours: [
        { id: 'a', gave: true },
        { id: 'gone', gave: true },
      ],
    }),
    box('unfed'),
  );
  expect(picture.querySelectorAll('.feeds')).toHaveLength(3);
  expect(picture.querySelectorAll('.feeds.seed')).toHaveLength(1);
});

it('says which box is a seed, and of what', () => {
  const boxes = readBoxes({
    boxes: [box('a', { seeds: ['demo', 'news', 'No name', 7] }), box('b')],
  })!;
  const picture = drawn(box('a', { seeds: ['demo', 'news'] }), box('b'));
  const seeds = [...picture.querySelectorAll('.node.fed')];
  expect(seeds.map((node) => node.querySelector('title')?.textContent)).toEqual([
    expect.stringContaining('seed of demo, news'),
  ]);
  const rows = boxes.map((one) => boxRow(one).querySelector('.fed')?.textContent ?? '');
  expect(rows).toEqual(['seed of demo, news', '']);
});

it('shows who is busy, and who is left out', () => {
  const picture = drawn(
    box('a', { sending_bits_per_second: 19_000_000 }),
    box('b', { listed: false, why: 'it does not answer' }),
    box('c'),
  );
  const classes = [...picture.querySelectorAll('.node:not(.origin)')].map((node) =>
    node.getAttribute('class'),
  );
  expect(classes).toEqual(['node busy', 'node out', 'node idle']);
});

it('counts those for whom there is no room', () => {
  const many = Array.from({ length: 60 }, (_, index) => box(`box-${index}`));
  expect(drawn(...many).textContent).toContain('and 12 boxes more');
});

describe('the shares', () => {
  it('are those of the bytes that viewers got', () => {
    const boxes = readBoxes({ boxes: [box('a', { viewer_bytes: 75 })] })!;
    expect(sharesOf(channels, boxes)).toEqual({ boxes: 75, whole: 100 });
    expect(sharesOf([], [])).toBeNull();
    expect(drawn(box('a', { viewer_bytes: 75 })).textContent).toContain(
      'Viewers got 75 % from boxes, 25 % from the origin',
    );
    expect(drawn().textContent).toContain('0 % from boxes, 100 %');
  });
});
