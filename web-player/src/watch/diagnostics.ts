/**
 * `window.boxmesh`: what the page knows about itself, for people with a console and for tests.
 *
 * Every read gives a fresh plain copy; writing to it changes nothing. All times are seconds since the
 * page began to load.
 */
import type { Ledger } from '../fetch/ledger';
import type { Stall } from './stalls';

export type State =
  /** Before the first picture. */
  | 'loading'
  | 'playing'
  /** Started, and standing still for want of data. */
  | 'waiting'
  /** Standing, or not yet started, since the publisher is away. */
  | 'away'
  /** The channel is not on air, or does not exist. */
  | 'off-air'
  /** It cannot be played here; `message` says why. */
  | 'error';

export interface Diagnostics {
  readonly state: State;
  /** What the page tells the viewer, in words; empty when there is nothing to say. */
  readonly message: string;
  readonly channel: string;
  /** What the tracker says of the channel. */
  readonly onAir: 'unknown' | 'missing' | 'off-air' | 'away' | 'live';
  /** The epoch that is played, or null. */
  readonly epoch: number | null;
  readonly paused: boolean;
  readonly muted: boolean;
  /** Heights of the pictures to choose from, the highest first. */
  readonly heights: readonly number[];
  /** The height that the viewer chose; null while the player does. */
  readonly chosenHeight: number | null;
  /** Seconds behind what happens. */
  readonly latency: number | null;
  /** Seconds of media ahead. */
  readonly buffer: number;
  /** Interruptions after the first picture; the last one may still be going on. */
  readonly stalls: readonly Readonly<Stall>[];
  /** Media bytes by `serviceLocation`, refused ones too. */
  readonly bytes: Readonly<Record<string, number>>;
  /** Refused segments by `serviceLocation`. */
  readonly refused: Readonly<Record<string, number>>;
  /** The places that are asked no more, since they sent altered bytes. */
  readonly banned: readonly string[];
  /** Chunks whose seals were opened before they went to the media source. */
  readonly verifiedChunks: number;
  /** Chunks that went there unopened: 0, except in the tests' unverified build. */
  readonly unverifiedChunks: number;
  readonly firstPictureAt: number | null;
}

declare global {
  interface Window {
    readonly boxmesh?: Diagnostics;
  }
}

export function publish(read: () => Diagnostics): void {
  Object.defineProperty(window, 'boxmesh', { get: read, enumerable: true });
}

export const perPlace = (
  ledger: Ledger,
  what: 'bytes' | 'refused',
): Readonly<Record<string, number>> =>
  Object.fromEntries(ledger.accounts().map((account) => [account.place.name, account[what]]));

export const secondsSinceLoad = (): number => performance.now() / 1000;
