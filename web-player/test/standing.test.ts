// Boxes before the origin, the rested before the resting, liars never.
import { describe, expect, it } from 'vitest';

import { FIRST_REST_MS, LONGEST_REST_MS, type Place, Standings } from '../src/fetch/standing';

const place = (name: string, kind: Place['kind'] = 'box'): Place => ({
  name,
  kind,
  url: `http://${name}/live/demo/`,
});
const [A, B, ORIGIN] = [place('box-a'), place('box-b'), place('origin', 'origin')];
const NOW = 1_000_000;

const names = (standings: Standings, now = NOW, places = [A, B, ORIGIN]): string[] =>
  standings.order(places, now).map(({ name }) => name);

it('the tracker’s order holds among boxes; the origin is last wherever it is listed', () => {
  expect(names(new Standings(), NOW, [ORIGIN, B, A])).toEqual(['box-b', 'box-a', 'origin']);
});

describe('who failed', () => {
  it('rests, behind even the origin, and comes back', () => {
    const standings = new Standings();
    standings.failed(A, NOW);
    expect(names(standings)).toEqual(['box-b', 'origin', 'box-a']);
    expect(names(standings, NOW + FIRST_REST_MS)).toEqual(['box-a', 'box-b', 'origin']);
  });

  it('rests longer each time, up to a bound, until it serves again', () => {
    const standings = new Standings();
    for (let i = 0; i < 20; i += 1) standings.failed(A, NOW);
    expect(names(standings, NOW + LONGEST_REST_MS - 1)[0]).toBe('box-b');
    expect(names(standings, NOW + LONGEST_REST_MS)[0]).toBe('box-a');
    standings.served(A);
    standings.failed(A, NOW);
    expect(names(standings, NOW + FIRST_REST_MS)[0]).toBe('box-a');
  });
});

describe('who is busy', () => {
  it('is left alone for as long as it asks, within reason', () => {
    const standings = new Standings();
    standings.busy(A, 7, NOW);
    expect(names(standings, NOW + 6_999)[0]).toBe('box-b');
    expect(names(standings, NOW + 7_000)[0]).toBe('box-a');
    standings.busy(A, 10 ** 9, NOW);
    expect(names(standings, NOW + LONGEST_REST_MS)[0]).toBe('box-a');
  });
});

describe('who has not the segment', () => {
  it('is asked for the next all the same, but not when it never has any', () => {
    const standings = new Standings();
    standings.missed(A, NOW);
    standings.missed(A, NOW);
    expect(names(standings)[0]).toBe('box-a');
    standings.missed(A, NOW);
    expect(names(standings)[0]).toBe('box-b');
  });
});

describe('who sent altered bytes', () => {
  it('is never asked again, under another name at the same address neither', () => {
    const standings = new Standings();
    standings.lied(A, NOW);
    expect(names(standings, NOW + 10 ** 12)).toEqual(['box-b', 'origin']);
    const renamed = { ...A, name: 'box-new' };
    expect(names(standings, NOW, [renamed, B])).toEqual(['box-b']);
  });

  it('rests when it is the origin, for somebody on the way did it', () => {
    const standings = new Standings();
    standings.lied(ORIGIN, NOW);
    expect(names(standings, NOW, [ORIGIN])).toEqual(['origin']);
    expect(standings.isBanned(ORIGIN)).toBe(false);
  });
});
