// Who cannot decode a channel learns which codec it is.
import { expect, it } from 'vitest';

import { type Track, codecName, unplayable } from '../src/watch/codecs';

const track = (kind: Track['kind'], codec: string): Track => ({
  kind,
  codec,
  type: `${kind}/mp4; codecs="${codec}"`,
});
const TRACKS = [
  track('video', 'hvc1.1.6.L93.B0'),
  track('video', 'avc1.64001f'),
  track('audio', 'opus'),
];

it('a kind is playable when one of its tracks is', () => {
  expect(unplayable(TRACKS, (type) => /avc1|opus/.test(type))).toEqual([]);
});

it('a kind of which none is playable is named', () => {
  expect(unplayable(TRACKS, (type) => type.includes('avc1'))).toEqual([
    { kind: 'audio', codec: 'Opus, opus' },
  ]);
  expect(unplayable(TRACKS, () => false)).toHaveLength(2);
});

it('a codec that nobody has named is called what it is called', () => {
  expect(codecName('xyz1.2')).toBe('xyz1.2');
  expect(codecName('mp4a.40.2')).toBe('AAC, mp4a.40.2');
});
