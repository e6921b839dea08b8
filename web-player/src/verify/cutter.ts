/**
 * Cuts what comes of a segment into its chunks: bytes in, in whatever pieces the network gives them, and out each chunk as
 * soon as its last byte is there. It looks at the headers of boxes alone, and keeps no more than one chunk.
 */
import { MAX_CHUNK_BYTES } from './boxes';
import { type Bytes, concat } from './bytes';
import { Refusal, malformed } from './refusal';

const HEADER_BYTES = 8;
/** `styp`, `prft`, `emsg`, `moof` and `mdat`. */
const MAX_BOXES = 5;
const MDAT = 0x6d646174;

export class Cutter {
  #pieces: Uint8Array[] = [];
  #held = 0;
  /** Where the next box of this chunk begins, and how many were before it. */
  #at = 0;
  #boxes = 0;
  /** Where this chunk ends, once that is known. */
  #end = 0;

  /** Bytes of a chunk that is not whole yet. */
  get rest(): number {
    return this.#held;
  }

  /** The chunks that are whole now, in their order. Throws a {@link Refusal} when it can be no chunk. */
  take(piece: Uint8Array): Bytes[] {
    const chunks: Bytes[] = [];
    this.#pieces.push(piece);
    this.#held += piece.length;
    while (this.#held > 0 && this.#findEnd() && this.#held >= this.#end) {
      const all = this.#joined();
      chunks.push(all.slice(0, this.#end));
      const rest = all.subarray(this.#end);
      this.#pieces = rest.length > 0 ? [rest] : [];
      this.#held = rest.length;
      this.#at = this.#boxes = this.#end = 0;
    }
    return chunks;
  }

  #findEnd(): boolean {
    while (this.#end === 0) {
      if (this.#held < this.#at + HEADER_BYTES) return false;
      const all = this.#joined();
      const view = new DataView(all.buffer, all.byteOffset + this.#at, HEADER_BYTES);
      const size = view.getUint32(0);
      this.#boxes += 1;
      if (size < HEADER_BYTES) throw malformed('the size of a box is below its header');
      if (this.#boxes > MAX_BOXES) throw malformed('too many boxes');
      this.#at += size;
      if (this.#at > MAX_CHUNK_BYTES) {
        throw new Refusal('too-large', `chunk of ${this.#at} bytes is over ${MAX_CHUNK_BYTES}`);
      }
      if (view.getUint32(4) === MDAT) this.#end = this.#at;
    }
    return true;
  }

  /** What is held, in one piece from here on. */
  #joined(): Uint8Array {
    const [first] = this.#pieces;
    if (first && this.#pieces.length === 1) return first;
    const all = concat(...this.#pieces);
    this.#pieces = [all];
    return all;
  }
}
