/**
 * A segment that is taken while it is made: given out chunk by chunk, each once and in its order, whichever of those that are
 * asked it came from. Whoever comes in later begins at the front, and what was given out already is passed over.
 */
import type { Bytes } from '../verify/bytes';
import { Cutter } from '../verify/cutter';
import type { SegmentId } from '../verify/record';
import { malformed } from '../verify/refusal';
import type { OpenedChunk } from '../verify/verifier';
import type { Due } from './due';
import type { Bearing } from './relay';
import { Speed } from './speed';
import { NoAnswer } from './transport';

export interface FlowParts {
  readonly id: SegmentId;
  readonly due: Due;
  /** Opens the seal of the chunk of that index, or rejects. */
  readonly open: (bytes: Bytes, index: number) => Promise<OpenedChunk>;
  readonly give: (chunk: OpenedChunk) => void;
}

/** What one of those that are asked sent. */
export interface Sent {
  readonly bytes: number;
  readonly speed: Speed;
}

/** It ended between two chunks: there was nothing more to be sent, which may be nobody's fault. */
export class Dried extends Error {
  override readonly name = 'Dried';
}

export class Flow {
  /** Chunks that were given out, and their bytes. */
  chunks = 0;
  bytes = 0;
  isWhole = false;
  /** How fast it came, from all together. */
  readonly speed = { bytes: 0, ms: 0 };
  /** False in the tests' unverified build, which knows no other end than that of the answer. */
  #isSealed = true;

  constructor(private readonly parts: FlowParts) {}

  /** Milliseconds until the next chunk is due. */
  readonly dueMs = (): number => this.parts.due.untilNext(this.parts.id, Date.now());

  /** Takes what comes until it ends; tells of each piece to `came`. */
  async take(
    pieces: AsyncIterable<Uint8Array>,
    bearing: Bearing,
    came: (bytes: number) => void,
  ): Promise<Sent> {
    const cutter = new Cutter();
    const speed = new Speed();
    let received = 0;
    let index = this.chunks;
    let known = this.bytes;
    try {
      for await (let piece of pieces) {
        received += piece.length;
        came(piece.length);
        const skipped = Math.min(known, piece.length);
        known -= skipped;
        piece = piece.subarray(skipped);
        if (this.isWhole && piece.length > 0 && index >= this.chunks) {
          throw malformed('goes on after its last chunk');
        }
        for (const chunk of cutter.take(piece)) {
          await this.#offer(chunk, index, bearing);
          index += 1;
        }
        const isWaiting = known === 0 && cutter.rest === 0;
        speed.came(piece.length, performance.now(), isWaiting);
        bearing.heard(isWaiting);
      }
    } catch (why) {
      const isBetween = why instanceof NoAnswer && why.status === 0 && received > 0;
      if (isBetween && cutter.rest === 0) throw new Dried(why.message);
      throw why;
    } finally {
      this.speed.bytes += speed.bytes;
      this.speed.ms += speed.ms;
    }
    this.#end(cutter.rest, index, bearing);
    return { bytes: received, speed };
  }

  async #offer(bytes: Bytes, index: number, bearing: Bearing): Promise<void> {
    if (index < this.chunks) return;
    if (this.isWhole) throw malformed('goes on after its last chunk');
    const opened = await this.parts.open(bytes, index);
    // Another may have been faster while its seal was opened; and nothing is given out to whoever wants no more.
    bearing.signal.throwIfAborted();
    if (index < this.chunks) return;
    this.chunks += 1;
    this.bytes += bytes.length;
    this.isWhole = opened.last;
    this.#isSealed = opened.verified;
    if (opened.timing) this.parts.due.came(this.parts.id, opened.timing, Date.now());
    this.parts.give(opened);
    bearing.gave(opened.last);
  }

  /** The end is sealed too: who ends before it has cut something off. */
  #end(rest: number, index: number, bearing: Bearing): void {
    if (rest > 0) throw malformed('cut short in a chunk');
    if (index < this.chunks || this.isWhole) return;
    if (this.#isSealed) throw malformed('cut short of its last chunk');
    this.isWhole = true;
    bearing.gave(true);
  }
}
