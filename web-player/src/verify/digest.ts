/** SHA-256 by the browser, or by the page where the browser has none to give (plain http). */
import { sha256 as portable } from '@noble/hashes/sha2.js';

import { browserCrypto } from './browser';
import type { Bytes } from './bytes';

export async function sha256(bytes: Bytes): Promise<Bytes> {
  const subtle = browserCrypto();
  return subtle ? new Uint8Array(await subtle.digest('SHA-256', bytes)) : copied(portable(bytes));
}

const copied = (bytes: Uint8Array): Bytes => new Uint8Array(bytes);
