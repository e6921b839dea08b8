/** COSE_Sign1 (RFC 9052 §4.2) with Ed25519, in the one exact form that the protocol gives it. */
import { type Bytes, ascii, concat, equal } from './bytes';
import { Reader, array, bstr, tstr } from './cbor';
import { Refusal, malformed } from './refusal';

/** The largest seal, in bytes. */
export const MAX_SEAL_BYTES = 512;

/** `{1: -8}`: EdDSA. */
const PROTECTED = Uint8Array.of(0xa1, 0x01, 0x27);
/** Tag 18, array of four, the protected header, an empty unprotected one. */
const START = Uint8Array.of(0xd2, 0x84, 0x43, ...PROTECTED, 0xa0);
const SIGNATURE_HEAD = Uint8Array.of(0x58, 0x40);
const SIGNATURE_BYTES = 64;
const PURPOSE = ascii('boxmesh:chunk:1');

/** A seal taken apart; nothing in it is believed yet. */
export interface Sealed {
  readonly payload: Bytes;
  readonly signature: Bytes;
  /** What the signature has to be over (`Sig_structure`, RFC 9052 §4.4). */
  readonly signed: Bytes;
}

export function splitSeal(seal: Bytes): Sealed {
  if (seal.length > MAX_SEAL_BYTES) {
    throw new Refusal('too-large', `seal of ${seal.length} bytes is over ${MAX_SEAL_BYTES}`);
  }
  const end = seal.length - SIGNATURE_BYTES;
  const middle = end - SIGNATURE_HEAD.length;
  if (
    middle < START.length ||
    !equal(seal.subarray(0, START.length), START) ||
    !equal(seal.subarray(middle, end), SIGNATURE_HEAD)
  ) {
    throw malformed('not a COSE_Sign1 as we write it');
  }
  const wrapped = new Reader(seal.subarray(START.length, middle));
  const payload = wrapped.bytes();
  wrapped.end();
  return { payload, signature: seal.subarray(end), signed: signedBytes(payload) };
}

const signedBytes = (payload: Bytes): Bytes =>
  concat(array(tstr('Signature1'), bstr(PROTECTED), bstr(PURPOSE), bstr(payload)));
