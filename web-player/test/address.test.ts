// A URL names one segment, or none.
import { expect, it } from 'vitest';

import { segmentIn } from '../src/watch/address';

const at = (path: string): ReturnType<typeof segmentIn> =>
  segmentIn(`http://any:1/${path}`, 'demo');

it('reads media and init segments', () => {
  const named = { channel: 'demo', epoch: 1790000000000n };
  expect(at('live/demo/1790000000000/v0/12.m4v')).toEqual({ ...named, track: 'v0', segment: 12 });
  expect(at('live/demo/1790000000000/a15/init.m4a')).toEqual({
    ...named,
    track: 'a15',
    segment: 0,
  });
});

it.each([
  'live/other/1/v0/1.m4v',
  'live/demo/1/v16/1.m4v',
  'live/demo/1/v0/1.m4a',
  'live/demo/1/v0/0.m4v',
  'live/demo/1/v0/01.m4v',
  'live/demo/1/v0/index.m4v',
  'live/demo/v0/1.m4v',
  'x/live/demo/1/v0/1.m4v',
  'live/demo/1/v0/../v0/x.m4v',
])('reads nothing in %s', (path) => {
  expect(at(path)).toBeNull();
});

it('reads nothing in what is no URL', () => {
  expect(segmentIn('live/demo/1/v0/1.m4v', 'demo')).toBeNull();
});
