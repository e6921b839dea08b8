// Every value has one spelling; the reader takes no other, and never more than there is.
import { describe, expect, it } from 'vitest';

import { Reader } from '../src/verify/cbor';
import { Refusal } from '../src/verify/refusal';
import { blob, bytesOf, text, uint } from './sealer';

const reader = (...bytes: number[]): Reader => new Reader(Uint8Array.from(bytes));

describe('numbers', () => {
  it.each([0n, 23n, 24n, 255n, 256n, 65_535n, 65_536n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 64n - 1n])(
    'reads %s in its shortest form',
    (value) => {
      expect(new Reader(bytesOf(uint(value))).u64()).toBe(value);
    },
  );

  it.each([
    ['23 in two bytes', [0x18, 23]],
    ['255 in three', [0x19, 0, 255]],
    ['65535 in five', [0x1a, 0, 0, 255, 255]],
    ['2^32 - 1 in nine', [0x1b, 0, 0, 0, 0, 255, 255, 255, 255]],
    ['a reserved length', [0x1c]],
    ['an indefinite length', [0x1f]],
    ['a negative number', [0x20]],
    ['nothing', []],
    ['a number cut short', [0x1b, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(() => reader(...bytes).u64()).toThrow(Refusal);
  });

  it('refuses over 32 bits where 32 are meant', () => {
    expect(() => new Reader(bytesOf(uint(2n ** 32n))).u32()).toThrow(Refusal);
  });
});

describe('texts and byte strings', () => {
  it('reads them', () => {
    expect(new Reader(bytesOf(text('demo'))).text()).toBe('demo');
    expect(new Reader(bytesOf(blob(Buffer.of(1, 2)))).bytes()).toEqual(Uint8Array.of(1, 2));
  });

  it('refuses a length that is more than there is, without allocating it', () => {
    expect(() => reader(0x5b, 255, 255, 255, 255, 255, 255, 255, 255, 1).bytes()).toThrow(Refusal);
    expect(() => reader(0x5a, 0x7f, 255, 255, 255).bytes()).toThrow(Refusal);
  });

  it('refuses what is not UTF-8', () => {
    expect(() => reader(0x61, 0xff).text()).toThrow(Refusal);
  });

  it('keeps a byte order mark, so that two texts are never taken for one', () => {
    expect(reader(0x64, 0xef, 0xbb, 0xbf, 0x61).text()).toBe('\u{feff}a');
  });
});

it('refuses what follows the end', () => {
  const input = reader(0, 0);
  input.u64();
  expect(() => {
    input.end();
  }).toThrow(Refusal);
});
