// @vitest-environment happy-dom
// The keyboard works the player, and leaves to the browser and to fields what is theirs.
import { expect, it } from 'vitest';

import { type Pressed, deedOf } from '../src/page/keys';

const press = (key: string, more: Partial<Pressed> = {}): ReturnType<typeof deedOf> =>
  deedOf({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    repeat: false,
    target: document.body,
    ...more,
  });
const within = (html: string): Element => {
  document.body.innerHTML = html;
  return document.body.querySelector('[id=it]')!;
};

it('has a key for each deed', () => {
  const keys = [' ', 'k', 'K', 'ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'];
  expect([...keys, 'm', 'f', 'p', 'l', '?', 'x'].map((key) => press(key))).toEqual([
    ...['play', 'play', 'play', 'back', 'forward', 'louder', 'softer'],
    ...['mute', 'fullscreen', 'picture', 'live', 'help', null],
  ]);
});

it('leaves the browser its own', () => {
  expect(press('f', { ctrlKey: true })).toBeNull();
  expect(press('l', { metaKey: true })).toBeNull();
  expect(press('ArrowLeft', { altKey: true })).toBeNull();
});

it('repeats what may be held down, and nothing else', () => {
  expect(press('ArrowLeft', { repeat: true })).toBe('back');
  expect(press('f', { repeat: true })).toBeNull();
});

it('leaves to what has the focus what is meant for that', () => {
  const slider = within('<input id="it" type="range">');
  expect(press('ArrowUp', { target: slider })).toBeNull();
  const inDialog = within('<dialog><button id="it"></button></dialog>');
  expect(press('k', { target: inDialog })).toBeNull();
  const button = within('<button><svg id="it"></svg></button>');
  expect(press(' ', { target: button })).toBeNull();
  expect(press('k', { target: button })).toBe('play');
  expect(press(' ', { target: within('<summary id="it"></summary>') })).toBeNull();
});
