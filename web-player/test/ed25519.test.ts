// A signature has one form, and a key that verifies anything is no key.
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { hex, unhex } from '../src/verify/bytes';
import { isSoundSignature, publicKey } from '../src/verify/ed25519';
import { bytesOf } from './sealer';

const SECRET = new Uint8Array(32).fill(9);
const KEY = hex(ed25519.getPublicKey(SECRET));
const MESSAGE = Uint8Array.of(1, 2, 3);
const SIGNATURE = bytesOf(ed25519.sign(MESSAGE, SECRET));
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const little = (value: bigint): string =>
  hex(bytesOf(Buffer.from(value.toString(16).padStart(64, '0'), 'hex')).reverse());

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each([
  ['with WebCrypto', false],
  ['on plain http, without WebCrypto', true],
])('%s', (_, plain) => {
  const usable = async (): Promise<NonNullable<Awaited<ReturnType<typeof publicKey>>>> => {
    if (plain) vi.stubGlobal('crypto', {});
    const key = await publicKey(KEY);
    if (!key) throw new Error('the key of the test is not usable');
    return key;
  };

  it('takes what was signed, and nothing else', async () => {
    const key = await usable();
    expect(await key.verify(SIGNATURE, MESSAGE)).toBe(true);
    expect(await key.verify(SIGNATURE, Uint8Array.of(1, 2, 4))).toBe(false);
    for (let at = 0; at < SIGNATURE.length; at += 1) {
      const altered = SIGNATURE.slice();
      altered[at]! ^= 0x10;
      expect(await key.verify(altered, MESSAGE), `byte ${at}`).toBe(false);
    }
  });

  it('refuses S + the order of the group, which verifies where one is lax', async () => {
    const key = await usable();
    const s = BigInt(`0x${hex(SIGNATURE.slice(32).reverse())}`);
    const again = SIGNATURE.slice();
    again.set(unhex(little(s + ORDER)) ?? [], 32);
    expect(await key.verify(again, MESSAGE)).toBe(false);
  });

  it('refuses a signature of another length', async () => {
    const key = await usable();
    expect(await key.verify(SIGNATURE.slice(0, 63), MESSAGE)).toBe(false);
    expect(await key.verify(bytesOf(SIGNATURE, Uint8Array.of(0)), MESSAGE)).toBe(false);
  });
});

describe('keys', () => {
  const P = 2n ** 255n - 19n;
  const weak = [
    ...[little(0n), little(1n), little(P - 1n), little(P), little(P + 1n)],
    ...[little(1n + 2n ** 255n), little(2n ** 255n)],
    ...ED25519_TORSION_SUBGROUP,
  ];
  it.each([...new Set(weak)])('of small order or not canonical, %s, are none', async (text) => {
    expect(await publicKey(text)).toBeNull();
    expect(isSoundSignature(bytesOf(unhex(text) ?? new Uint8Array(), new Uint8Array(32)))).toBe(
      false,
    );
  });

  it.each(['', KEY.slice(2), `${KEY}00`, KEY.toUpperCase(), `zz${KEY.slice(2)}`, little(2n)])(
    'in another form, %s, are none',
    async (text) => {
      expect(await publicKey(text)).toBeNull();
    },
  );
});
