/** What the origin says of a chunk, and signs: the payload of a seal. */
import type { Bytes } from './bytes';
import { Reader } from './cbor';
import { Refusal, malformed } from './refusal';

const VERSION = 1n;
const FIELDS = 12;
const HASH_BYTES = 32;
const CHANNEL = /^[a-z0-9_-]{1,32}$/;
const TRACK = /^[va](?:[0-9]|1[0-5])$/;

/** The segment number of an init segment; media segments count from 1. */
export const INIT_SEGMENT = 0;

/** The most chunks in a segment. */
export const MAX_CHUNKS = 64;

/** What a player asks for: a segment of a track, or with {@link INIT_SEGMENT} what precedes them all. */
export interface SegmentId {
  readonly channel: string;
  readonly epoch: bigint;
  /** `v0`…`v15`, `a0`…`a15` */
  readonly track: string;
  readonly segment: number;
}

export interface ChunkRecord extends SegmentId {
  readonly index: number;
  /** Whether it ends its segment. */
  readonly last: boolean;
  /** Media time in units of `timescale`; 0 is the start of the epoch. */
  readonly time: bigint;
  readonly duration: number;
  readonly timescale: number;
  /** Bytes of the chunk without the box that carries the seal. */
  readonly size: number;
  readonly sha256: Bytes;
}

export const isChannel = (text: string): boolean => CHANNEL.test(text);
export const isTrack = (text: string): boolean => TRACK.test(text);

export const nameOf = (id: SegmentId): string =>
  `${id.channel}/${id.epoch.toString()}/${id.track}/${id.segment}`;

export const sameSegment = (a: SegmentId, b: SegmentId): boolean =>
  a.channel === b.channel && a.epoch === b.epoch && a.track === b.track && a.segment === b.segment;

/** Reads a record in the one form that it may have. */
export function readRecord(payload: Bytes): ChunkRecord {
  const input = new Reader(payload);
  input.array(FIELDS);
  const version = input.u64();
  if (version !== VERSION) {
    throw new Refusal(
      'version',
      `seal is of version ${version.toString()}; version ${VERSION.toString()} is spoken here`,
    );
  }
  const record: ChunkRecord = {
    channel: input.text(),
    epoch: input.u64(),
    track: input.text(),
    segment: input.u32(),
    index: input.u32(),
    last: input.bool(),
    time: input.u64(),
    duration: input.u32(),
    timescale: input.u32(),
    size: input.u32(),
    sha256: input.bytes(),
  };
  input.end();
  check(record);
  return record;
}

/** The bounds that the encoding does not express. */
function check(record: ChunkRecord): void {
  if (!isChannel(record.channel)) throw malformed('not a channel name');
  if (!isTrack(record.track)) throw malformed('not a track');
  if (record.index >= MAX_CHUNKS)
    throw malformed(`index ${record.index} is over ${MAX_CHUNKS - 1}`);
  if (record.timescale === 0) throw malformed('timescale is 0');
  if (record.sha256.length !== HASH_BYTES) throw malformed('not a SHA-256');
  const whole = record.last && record.index === 0 && record.time === 0n && record.duration === 0;
  if (record.segment === INIT_SEGMENT && !whole) {
    throw malformed('an init segment is one chunk without a time');
  }
}
