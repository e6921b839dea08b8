// Another site can show a channel, by a frame or by an element that makes one.
import { expect, it } from 'vitest';

import { elementOf, frameOf } from '../src/page/share';

it('the lines to be copied name this tracker and the channel', () => {
  expect(frameOf('https://t.example', 'demo')).toContain('src="https://t.example/embed/demo"');
  expect(frameOf('https://t.example', 'demo')).toContain('allow="autoplay; fullscreen;');
  expect(elementOf('https://t.example', 'demo')).toContain(
    'src="https://t.example/mesh-player.js"></script>\n<mesh-player channel="demo">',
  );
});
