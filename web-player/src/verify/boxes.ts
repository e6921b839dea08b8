/**
 * The little of ISO/IEC 14496-12 that a seal needs: where each chunk of a segment ends, and the box
 * in it that carries the seal.
 */
import { type Bytes, ascii, concat } from './bytes';
import { type ChunkRecord, INIT_SEGMENT, MAX_CHUNKS } from './record';
import { Refusal, malformed } from './refusal';

/** The largest chunk, its seal included, in bytes. */
export const MAX_CHUNK_BYTES = 4 << 20;

const HEADER_BYTES = 8;
const CHUNK_LAYOUT = /^(?:styp )?(?:prft )?emsg moof mdat$/;
const INIT_LAYOUT = 'ftyp moov uuid';
const SCHEME_AND_VALUE = ascii('urn:boxmesh:seal:1\0\0');
/** Header, version and flags, timescale, presentation time, event duration, id. */
const EMSG_FIELDS_BYTES = HEADER_BYTES + 4 + 4 + 8 + 4 + 4;
const UUID = Uint8Array.of(
  ...[0xb0, 0xc5, 0xe5, 0xea, 0x1b, 0x0c, 0x4e, 0x5e],
  ...[0xa1, 0xb0, 0xc5, 0xe5, 0xea, 0x1b, 0x0c, 0x01],
);

/** A chunk in three parts, of which the middle one carries the seal. */
export interface Parts {
  readonly head: Bytes;
  readonly carrier: Bytes;
  readonly body: Bytes;
  /** The COSE_Sign1 in the carrier, wherever the fixed fields before it end. */
  readonly seal: Bytes;
}

interface Span {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
}

/** The chunks of a media segment, in the order that they stand. */
export function splitSegment(bytes: Bytes): Parts[] {
  const chunks: Parts[] = [];
  let spans: Span[] = [];
  for (const span of topLevel(bytes)) {
    spans.push(span);
    if (span.kind !== 'mdat') continue;
    if (chunks.length === MAX_CHUNKS) throw malformed(`more than ${MAX_CHUNKS} chunks`);
    chunks.push(parts(bytes, spans, (layout) => CHUNK_LAYOUT.test(layout)));
    spans = [];
  }
  if (spans.length > 0 || chunks.length === 0) throw malformed('cut short');
  return chunks;
}

/** An init segment, which is one chunk. */
export const splitInit = (bytes: Bytes): Parts =>
  parts(bytes, topLevel(bytes), (layout) => layout === INIT_LAYOUT);

/** The one carrier box that a record may have. */
export function carrierOf(record: ChunkRecord, seal: Bytes): Bytes {
  if (record.segment === INIT_SEGMENT) {
    return concat(header(HEADER_BYTES + UUID.length + seal.length, 'uuid'), UUID, seal);
  }
  const size = EMSG_FIELDS_BYTES + SCHEME_AND_VALUE.length + seal.length;
  const fields = new DataView(new ArrayBuffer(EMSG_FIELDS_BYTES - HEADER_BYTES));
  fields.setUint8(0, 1);
  fields.setUint32(4, record.timescale);
  fields.setBigUint64(8, record.time);
  fields.setUint32(16, 0);
  fields.setUint32(20, eventId(record));
  return concat(header(size, 'emsg'), new Uint8Array(fields.buffer), SCHEME_AND_VALUE, seal);
}

/** The top-level boxes, which cover the bytes exactly. Only the 32-bit form of a size is taken. */
function topLevel(bytes: Bytes): Span[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const spans: Span[] = [];
  let from = 0;
  while (from < bytes.length) {
    if (bytes.length - from < HEADER_BYTES) throw malformed('cut short in the header of a box');
    const size = view.getUint32(from);
    if (size < HEADER_BYTES) throw malformed('the size of a box is below its header');
    if (size > bytes.length - from) throw malformed('cut short in a box');
    spans.push({ kind: kindAt(bytes, from + 4), from, to: from + size });
    // Five boxes a chunk at most: a flood of tiny ones ends here.
    if (spans.length > 5 * MAX_CHUNKS) throw malformed('too many boxes');
    from += size;
  }
  return spans;
}

function parts(bytes: Bytes, spans: readonly Span[], fits: (layout: string) => boolean): Parts {
  if (!fits(spans.map((span) => span.kind).join(' '))) {
    throw malformed('its boxes are not those of a chunk or an init segment');
  }
  const from = spans[0]?.from ?? 0;
  const to = spans.at(-1)?.to ?? 0;
  if (to - from > MAX_CHUNK_BYTES) {
    throw new Refusal('too-large', `chunk of ${to - from} bytes is over ${MAX_CHUNK_BYTES}`);
  }
  const seal = spans.find((span) => span.kind === 'emsg' || span.kind === 'uuid');
  if (!seal) throw malformed('no seal');
  const fields =
    seal.kind === 'uuid' ? HEADER_BYTES + UUID.length : EMSG_FIELDS_BYTES + SCHEME_AND_VALUE.length;
  if (seal.to - seal.from < fields) throw malformed('its seal is not where it should be');
  return {
    head: bytes.subarray(from, seal.from),
    carrier: bytes.subarray(seal.from, seal.to),
    body: bytes.subarray(seal.to, to),
    seal: bytes.subarray(seal.from + fields, seal.to),
  };
}

/** Unique across the tracks of a channel, since players drop events whose id they have seen. */
function eventId(record: ChunkRecord): number {
  const track = Number(record.track.slice(1)) + (record.track.startsWith('a') ? 16 : 0);
  return ((track << 27) | ((record.segment & 0x1f_ffff) << 6) | record.index) >>> 0;
}

const header = (size: number, kind: string): Bytes => {
  const bytes = new Uint8Array(HEADER_BYTES);
  new DataView(bytes.buffer).setUint32(0, size);
  bytes.set(ascii(kind), 4);
  return bytes;
};

const kindAt = (bytes: Bytes, at: number): string =>
  String.fromCharCode(...bytes.subarray(at, at + 4));
