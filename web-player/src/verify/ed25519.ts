/**
 * Ed25519 (RFC 8032), strictly: one signature has one form, and a key that verifies anything is no key.
 *
 * Browsers have it in WebCrypto, but only in a secure context and only lately; a page on plain http
 * carries its own. Neither refuses all that the programs refuse, so the forms are checked here first.
 */
import { Point, hashes, verify as verifyHere } from '@noble/ed25519';
import { sha512 } from '@noble/hashes/sha2.js';

import { browserCrypto } from './browser';
import { type Bytes, hex, unhex } from './bytes';

hashes.sha512 = sha512;

const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;
const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The y coordinates of the eight points of small order; the sign of x does not matter. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

/** A public key that was found usable: a canonical point, not of small order. */
export interface PublicKey {
  readonly hex: string;
  readonly bytes: Bytes;
  verify(signature: Bytes, message: Bytes): Promise<boolean>;
}

/** The key of 64 hexadecimal digits, or null. */
export async function publicKey(text: string): Promise<PublicKey | null> {
  const bytes = unhex(text);
  if (bytes?.length !== KEY_BYTES || !isSoundPoint(bytes) || !isOnCurve(bytes)) return null;
  const verify = (await webCrypto(bytes)) ?? portable(bytes);
  return {
    hex: text,
    bytes,
    verify: async (signature, message) =>
      isSoundSignature(signature) && (await verify(signature, message)),
  };
}

type Verify = (signature: Bytes, message: Bytes) => Promise<boolean>;

/** The browser's own, where there is one and it knows the curve. */
async function webCrypto(key: Bytes): Promise<Verify | null> {
  const subtle = browserCrypto();
  try {
    const imported = await subtle?.importKey('raw', key, 'Ed25519', false, ['verify']);
    if (!subtle || !imported) return null;
    return (signature, message) => subtle.verify('Ed25519', imported, signature, message);
  } catch {
    return null;
  }
}

/** The one that the page carries. */
export const portable =
  (key: Bytes): Verify =>
  (signature, message) => {
    try {
      return Promise.resolve(verifyHere(signature, message, key, { zip215: false }));
    } catch {
      return Promise.resolve(false);
    }
  };

/** R canonical and not of small order, S below the order of the group. */
export const isSoundSignature = (signature: Bytes): boolean =>
  signature.length === SIGNATURE_BYTES &&
  isSoundPoint(signature.subarray(0, KEY_BYTES)) &&
  littleEndian(signature.subarray(KEY_BYTES)) < ORDER;

function isSoundPoint(point: Bytes): boolean {
  const y = yOf(point);
  return y < P && !SMALL_ORDER_Y.has(y);
}

function isOnCurve(point: Bytes): boolean {
  try {
    Point.fromBytes(point);
    return true;
  } catch {
    return false;
  }
}

/** Without the highest bit, which is the sign of x. */
function yOf(point: Uint8Array): bigint {
  return littleEndian(point) & ((1n << 255n) - 1n);
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${hex(bytes.slice().reverse())}`);
}
