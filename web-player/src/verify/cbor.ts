/**
 * The little of CBOR (RFC 8949) that a seal needs: a reader of one flat array, and heads.
 *
 * The reader takes the shortest form only, so a value has exactly one spelling and encoding it
 * again to compare, as the protocol asks, could find nothing that this let through.
 */
import { type Bytes, ascii, concat } from './bytes';
import { malformed } from './refusal';

const UINT = 0;
const BSTR = 2;
const TSTR = 3;
const ARRAY = 4;
const FALSE = 0xf4;
const TRUE = 0xf5;

const MAX_U32 = 0xffff_ffffn;

/** Reads values one after another; each read throws a {@link Refusal} when something else stands there. */
export class Reader {
  #at = 0;
  readonly #bytes: Bytes;
  readonly #view: DataView;

  constructor(bytes: Bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  array(length: number): void {
    if (this.#head(ARRAY) !== BigInt(length)) throw malformed(`not an array of ${length}`);
  }

  /** Any unsigned number, up to 2^64 - 1. */
  u64(): bigint {
    return this.#head(UINT);
  }

  u32(): number {
    const value = this.#head(UINT);
    if (value > MAX_U32) throw malformed('a number is over 32 bits');
    return Number(value);
  }

  bool(): boolean {
    const byte = this.#take(1)[0];
    if (byte !== TRUE && byte !== FALSE) throw malformed('neither true nor false');
    return byte === TRUE;
  }

  bytes(): Bytes {
    return this.#take(this.#head(BSTR));
  }

  text(): string {
    const bytes = this.#take(this.#head(TSTR));
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw malformed('a text is not UTF-8');
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw malformed('followed by something');
  }

  #head(kind: number): bigint {
    const first = this.#take(1)[0] ?? 0;
    if (first >> 5 !== kind) throw malformed(`not of CBOR's major type ${kind}`);
    const low = first & 0x1f;
    if (low < 24) return BigInt(low);
    if (low > 27) throw malformed('a length that is reserved or indefinite');
    const at = this.#at;
    this.#take(1 << (low - 24));
    const [value, smallest] = this.#wide(low, at);
    if (value < smallest) throw malformed('a number that is not in its shortest form');
    return value;
  }

  /** The number in the bytes after a head, and the smallest that needs so many. */
  #wide(low: number, at: number): [bigint, bigint] {
    if (low === 24) return [BigInt(this.#view.getUint8(at)), 24n];
    if (low === 25) return [BigInt(this.#view.getUint16(at)), 0x100n];
    if (low === 26) return [BigInt(this.#view.getUint32(at)), 0x1_0000n];
    return [this.#view.getBigUint64(at), 0x1_0000_0000n];
  }

  /** `length` may be any number that a head can hold: it is compared before it is used. */
  #take(length: number | bigint): Bytes {
    if (BigInt(length) > BigInt(this.#bytes.length - this.#at)) throw malformed('cut short');
    const from = this.#at;
    this.#at += Number(length);
    return this.#bytes.subarray(from, this.#at);
  }
}

function head(kind: number, value: number): Bytes {
  const major = kind << 5;
  if (value < 24) return Uint8Array.of(major | value);
  if (value < 0x100) return Uint8Array.of(major | 24, value);
  return Uint8Array.of(major | 25, value >> 8, value & 0xff);
}

export const bstr = (bytes: Uint8Array): Bytes => concat(head(BSTR, bytes.length), bytes);
export const tstr = (text: string): Bytes => concat(head(TSTR, ascii(text).length), ascii(text));
export const array = (...items: readonly Uint8Array[]): Bytes =>
  concat(head(ARRAY, items.length), ...items);
