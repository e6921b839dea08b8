/** WebCrypto, which a page on plain http does not have, whatever its type says. */
export const browserCrypto = (): SubtleCrypto | undefined =>
  (globalThis as { crypto?: { subtle?: SubtleCrypto } }).crypto?.subtle;
