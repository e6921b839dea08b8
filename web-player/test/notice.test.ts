// The page says in words what is wrong.
import { expect, it } from 'vitest';

import type { OnAir } from '../src/session/session';
import { type Scene, say } from '../src/watch/notice';

const key = { hex: '', bytes: new Uint8Array(), verify: () => Promise.resolve(true) };
const LIVE: OnAir = { kind: 'live', epoch: 1n, keys: [key], away: false };
const AWAY: OnAir = { ...LIVE, away: true };
const scene = (change: Partial<Scene>): Scene => ({
  channel: 'demo',
  onAir: LIVE,
  reachable: true,
  attached: true,
  started: true,
  standing: false,
  away: false,
  refusedToStart: false,
  everStarted: true,
  undecodable: null,
  ...change,
});

const none = { attached: false, started: false };
it.each<[string, Partial<Scene>, string, RegExp]>([
  ['it plays', {}, 'playing', /^$/],
  ['it plays on after the channel ended', { onAir: { kind: 'off-air' } }, 'playing', /^$/],
  ['it waits for data', { standing: true }, 'waiting', /Waiting/],
  ['it has not started', { started: false, everStarted: false }, 'loading', /Starting/],
  ['the browser starts nothing', { started: false, refusedToStart: true }, 'waiting', /Press play/],
  ['it plays on after the publisher left', { onAir: AWAY }, 'playing', /^$/],
  [
    'the publisher is away',
    { onAir: AWAY, standing: true, away: true },
    'away',
    /^Waiting for the broadcaster… The/,
  ],
  [
    'the publisher came back a moment ago',
    { standing: true, away: true },
    'away',
    /Waiting for the broadcaster/,
  ],
  [
    'somebody comes while the publisher is away',
    { ...none, everStarted: false, onAir: AWAY },
    'away',
    /Waiting for the broadcaster/,
  ],
  [
    'the end was played out',
    { onAir: { kind: 'off-air' }, standing: true },
    'off-air',
    /stream has ended/,
  ],
  ['the stream is over', { ...none, onAir: { kind: 'off-air' } }, 'off-air', /stream has ended/],
  [
    'the channel is off air',
    { ...none, everStarted: false, onAir: { kind: 'off-air' } },
    'off-air',
    /demo is off air/,
  ],
  [
    'there is no such channel',
    { ...none, onAir: { kind: 'missing' } },
    'off-air',
    /no channel “demo”/,
  ],
  [
    'the tracker was never reached',
    { ...none, onAir: { kind: 'unknown' }, reachable: false },
    'loading',
    /tracker does not answer/,
  ],
  [
    'the tracker is away while nothing plays',
    { ...none, reachable: false },
    'waiting',
    /tracker does not answer/,
  ],
  [
    'the codec is unknown here',
    { ...none, undecodable: 'H.265 (HEVC), hvc1.1' },
    'error',
    /H\.265 \(HEVC\), hvc1\.1/,
  ],
  ['there is no key', { ...none, onAir: { ...LIVE, keys: [] } }, 'error', /cannot be verified/],
  ['it starts over', none, 'waiting', /Starting it again/],
])('when %s', (_, change, state, message) => {
  const said = say(scene(change));
  expect(said.state).toBe(state);
  expect(said.message).toMatch(message);
});

it('leaves the last picture to be seen while the publisher is away', () => {
  const notice = (change: Partial<Scene>): boolean | undefined => say(scene(change)).notice?.over;
  expect(notice({ onAir: AWAY, standing: true, away: true })).toBe(true);
  expect(notice({ ...none, onAir: AWAY })).toBeUndefined();
});
