/**
 * A second, naive origin: seals chunks straight from the tables of `docs/protocol.md`, sharing no
 * code with the verifier, so that the two can disagree.
 */
import { createHash } from 'node:crypto';

import { ed25519 } from '@noble/curves/ed25519.js';

import { publicKey, type PublicKey } from '../src/verify/ed25519';

export interface Facts {
  channel: string;
  epoch: bigint;
  track: string;
  segment: number;
  index: number;
  last: boolean;
  time: bigint;
  duration: number;
  timescale: number;
}

export const FACTS: Facts = {
  channel: 'demo',
  epoch: 1_790_000_000_000n,
  track: 'v0',
  segment: 7,
  index: 0,
  last: true,
  time: 90_000n,
  duration: 45_000,
  timescale: 90_000,
};

export type Changes = Partial<{
  record: Partial<Facts & { version: number; size: number; sha256: Buffer }>;
  purpose: string;
  emsgFlags: number;
  unprotected: Buffer;
}>;

export class Origin {
  readonly #secret: Uint8Array;

  constructor(seed: number) {
    this.#secret = new Uint8Array(32).fill(seed);
  }

  get hex(): string {
    return Buffer.from(ed25519.getPublicKey(this.#secret)).toString('hex');
  }

  async key(): Promise<PublicKey> {
    const key = await publicKey(this.hex);
    if (!key) throw new Error('the test key is not usable');
    return key;
  }

  sign(
    payload: Buffer,
    purpose = 'boxmesh:chunk:1',
    unprotected: Buffer = Buffer.of(0xa0),
  ): Buffer {
    const header = Buffer.of(0xa1, 0x01, 0x27);
    const signed = [
      0x84,
      text('Signature1'),
      blob(header),
      blob(Buffer.from(purpose)),
      blob(payload),
    ];
    const signature = Buffer.from(ed25519.sign(join(signed), this.#secret));
    return join([0xd2, 0x84, blob(header), unprotected, blob(payload), blob(signature)]);
  }

  /** One chunk, whole; `changes` are the lies that a test wants told. */
  chunk(facts: Partial<Facts> = {}, media = 'moving pictures', changes: Changes = {}): Buffer {
    const told = { ...FACTS, ...facts };
    const body = Buffer.concat([
      box('moof', Buffer.from('fragment')),
      box('mdat', Buffer.from(media)),
    ]);
    return this.sealedChunk(body, told, changes);
  }

  /** A chunk round a `moof` and its `mdat`. */
  sealedChunk(body: Buffer, facts: Partial<Facts>, changes: Changes = {}): Buffer {
    const told = { ...FACTS, ...facts };
    const styp =
      told.index === 0 ? box('styp', Buffer.from('msdh\0\0\0\0msdhcmfc')) : Buffer.alloc(0);
    const seal = this.#seal(told, Buffer.concat([styp, body]), changes);
    const fields = Buffer.alloc(24);
    fields.writeUInt8(1, 0);
    fields.writeUIntBE(changes.emsgFlags ?? 0, 1, 3);
    fields.writeUInt32BE(told.timescale, 4);
    fields.writeBigUInt64BE(told.time, 8);
    const track = Number(told.track.slice(1)) + (told.track.startsWith('a') ? 16 : 0);
    fields.writeUInt32BE(track * 2 ** 27 + (told.segment % 2 ** 21) * 64 + told.index, 20);
    const emsg = box('emsg', Buffer.concat([fields, Buffer.from('urn:boxmesh:seal:1\0\0'), seal]));
    return Buffer.concat([styp, emsg, body]);
  }

  init(facts: Partial<Facts> = {}, changes: Changes = {}): Buffer {
    const head = Buffer.concat([
      box('ftyp', Buffer.from('cmfc\0\0\0\0')),
      box('moov', Buffer.from('tracks')),
    ]);
    return this.sealedInit(head, facts, changes);
  }

  /** An init segment round a `ftyp` and its `moov`. */
  sealedInit(head: Buffer, facts: Partial<Facts>, changes: Changes = {}): Buffer {
    const none = { segment: 0, index: 0, last: true, time: 0n, duration: 0 };
    const seal = this.#seal({ ...FACTS, ...none, ...facts }, head, changes);
    const type = Buffer.from('b0c5e5ea1b0c4e5ea1b0c5e5ea1b0c01', 'hex');
    return Buffer.concat([head, box('uuid', Buffer.concat([type, seal]))]);
  }

  /** A segment of `count` chunks. */
  segment(count: number, facts: Partial<Facts> = {}): Buffer[] {
    return Array.from({ length: count }, (_, index) =>
      this.chunk(
        { ...facts, index, last: index === count - 1, time: BigInt(90_000 + index * 45_000) },
        `pictures ${index}`,
      ),
    );
  }

  #seal(facts: Facts, media: Buffer, changes: Changes): Buffer {
    const told = {
      version: 1,
      ...facts,
      size: media.length,
      sha256: createHash('sha256').update(media).digest(),
      ...changes.record,
    };
    const payload = join([
      0x8c,
      ...[uint(told.version), text(told.channel), uint(told.epoch), text(told.track)],
      ...[uint(told.segment), uint(told.index), told.last ? 0xf5 : 0xf4],
      ...[uint(told.time), uint(told.duration), uint(told.timescale), uint(told.size)],
      blob(told.sha256),
    ]);
    return this.sign(payload, changes.purpose, changes.unprotected);
  }
}

export const box = (kind: string, content: Buffer): Buffer => {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(8 + content.length);
  return Buffer.concat([size, Buffer.from(kind, 'latin1'), content]);
};

export function uint(value: number | bigint, major = 0): Buffer {
  const n = BigInt(value);
  const wide = (width: number, mark: number): Buffer => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(n);
    return Buffer.concat([Buffer.of((major << 5) | mark), bytes.subarray(8 - width)]);
  };
  if (n < 24n) return Buffer.of((major << 5) | Number(n));
  if (n < 2n ** 8n) return wide(1, 24);
  if (n < 2n ** 16n) return wide(2, 25);
  if (n < 2n ** 32n) return wide(4, 26);
  return wide(8, 27);
}

export const blob = (bytes: Buffer): Buffer => Buffer.concat([uint(bytes.length, 2), bytes]);
export const text = (value: string): Buffer =>
  Buffer.concat([uint(Buffer.byteLength(value), 3), Buffer.from(value)]);
export const join = (parts: (number | Buffer)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)));

/** A copy in memory of its own, as the verifier takes it. */
export const bytesOf = (...buffers: Uint8Array[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.concat(buffers));
