/** What the tracker tells of its channels and boxes: shapes are checked, lists are bounded. */
import { isChannel } from '../verify/record';
import { type Shape, count, isObject, objects, text, texts } from './shapes';

const MAX_CHANNELS = 1_000;
const MAX_BOXES = 10_000;
const MAX_KEYS = 16;
const MAX_TRACKS = 32;
const MAX_WARNINGS = 16;
const MAX_NEIGHBOURS = 64;
const MAX_CODE = 64;
const MAX_TITLE = 200;
const MAX_TEXT = 512;
const KEY = /^[0-9a-f]{64}$/;
/** A path at the tracker itself. */
const POSTER = /^\/(?:[a-z0-9_-]+\/)+\d+\.jpg$/;

/** Live; its publisher away, and perhaps back soon; over until its next epoch. */
export type ChannelState = 'live' | 'away' | 'ended';

export interface ChannelNews {
  readonly name: string;
  /** What its operator calls it; its name when they call it nothing. */
  readonly title: string;
  readonly state: ChannelState;
  /** Milliseconds since 1970; null when the channel was never on air. */
  readonly epoch: bigint | null;
  /** Since when it is on air, likewise. */
  readonly since: number | null;
  /** About how many watch it; null when the tracker does not say. */
  readonly viewers: number | null;
  /** Public keys of its origin, in hexadecimal. */
  readonly keys: readonly string[];
  /** How many boxes carry it. */
  readonly boxes: number;
  /** The path of its newest picture, or null. */
  readonly poster: string | null;
  /** Where its origin serves viewers; empty when that is not told. */
  readonly origin: string;
  /** Media bytes that its origin sent to viewers by itself. */
  readonly originBytes: number;
  readonly tracks: readonly TrackNews[];
  /** What is wrong with what the encoder sends. */
  readonly warnings: readonly WarningNews[];
}

export interface TrackNews {
  readonly id: string;
  readonly codecs: string;
  readonly bitsPerSecond: number;
}

export interface WarningNews {
  readonly code: string;
  readonly text: string;
}

export interface BoxNews {
  readonly id: string;
  readonly http: string;
  /** Why viewers are not sent there; null when they are. */
  readonly why: string | null;
  readonly uploadBitsPerSecond: number;
  readonly sendingBitsPerSecond: number;
  readonly viewers: number;
  readonly channels: number;
  /** The channels whose origin pushes to it. */
  readonly seeds: readonly string[];
  /** Milliseconds since it was last heard of. */
  readonly age: number;
  /** Media bytes that it sent since it started. */
  readonly viewerBytes: number;
  readonly neighbourBytes: number;
  /** Chunks whose seals it refused. */
  readonly refused: number;
  /** The boxes that handed on media to it lately, as it says. */
  readonly feeders: readonly string[];
}

/** The channels in the tracker's answer, or null when it is none. */
export function readChannels(json: unknown): ChannelNews[] | null {
  if (!isObject(json) || !Array.isArray(json.channels)) return null;
  return objects(json.channels, MAX_CHANNELS)
    .map(readChannel)
    .filter((channel) => channel !== null);
}

/** The boxes in the tracker's answer, or null when it is none. */
export function readBoxes(json: unknown): BoxNews[] | null {
  if (!isObject(json) || !Array.isArray(json.boxes)) return null;
  return objects(json.boxes, MAX_BOXES).map((box) => ({
    id: text(box.id, MAX_CODE),
    http: text(box.http, MAX_TEXT),
    why: box.listed === true ? null : text(box.why, MAX_TEXT),
    uploadBitsPerSecond: count(box.upload_bits_per_second),
    sendingBitsPerSecond: count(box.sending_bits_per_second),
    viewers: count(box.viewers),
    channels: texts(box.channels, MAX_CHANNELS).length,
    seeds: texts(box.seeds, MAX_CHANNELS).filter(isChannel),
    age: count(box.age_ms),
    viewerBytes: count(box.viewer_bytes),
    neighbourBytes: count(box.neighbour_bytes),
    refused: count(box.refused_chunks),
    feeders: objects(box.neighbours, MAX_NEIGHBOURS)
      .filter((neighbour) => neighbour.gave === true)
      .map((neighbour) => text(neighbour.id, MAX_CODE)),
  }));
}

function readChannel(json: Shape): ChannelNews | null {
  if (typeof json.name !== 'string' || !isChannel(json.name)) return null;
  const origin: Shape = isObject(json.origin) ? json.origin : {};
  const state = readState(json);
  const epoch = Number.isSafeInteger(json.epoch) ? (json.epoch as number) : null;
  return {
    name: json.name,
    title: text(json.title, MAX_TITLE) || json.name,
    state,
    epoch: epoch === null ? null : BigInt(epoch),
    since: state === 'live' ? count(json.since) || epoch : null,
    viewers: typeof json.viewers === 'number' ? count(json.viewers) : null,
    keys: texts(json.keys, MAX_KEYS).filter((key) => KEY.test(key)),
    boxes: count(json.boxes),
    poster: typeof json.poster === 'string' && POSTER.test(json.poster) ? json.poster : null,
    origin: text(origin.http, MAX_TEXT),
    originBytes: count(origin.viewer_bytes),
    tracks: objects(json.tracks, MAX_TRACKS).map((track) => ({
      id: text(track.id, MAX_CODE),
      codecs: text(track.codecs, MAX_CODE),
      bitsPerSecond: count(track.bits_per_second),
    })),
    warnings: objects(json.warnings, MAX_WARNINGS).map((warning) => ({
      code: text(warning.code, MAX_CODE),
      text: text(warning.text, MAX_TEXT),
    })),
  };
}

function readState({ state, live }: Shape): ChannelState {
  if (state === 'live' || state === 'away' || state === 'ended') return state;
  return live === true ? 'live' : 'ended';
}
