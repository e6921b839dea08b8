/** What came from where, counted for the panel and for `window.boxmesh`. It never leaves the page. */
import type { Place } from './standing';

export interface Account {
  readonly place: Place;
  /** Media bytes that came from there, refused ones too. */
  bytes: number;
  /** Segments from there that the verifier refused. */
  refused: number;
  /** Why the last one was refused. */
  reason: string | null;
  /** When the last segment that was used came, in milliseconds since 1970. */
  servedAt: number;
}

export class Ledger {
  /** Chunks that went to the media source. `unverified` can only grow in the tests' unverified build. */
  readonly appended = { verified: 0, unverified: 0 };
  readonly #accounts = new Map<string, Account>();

  of(place: Place): Account {
    const known = this.#accounts.get(place.name);
    if (known) return known;
    const account = { place, bytes: 0, refused: 0, reason: null, servedAt: 0 };
    this.#accounts.set(place.name, account);
    return account;
  }

  /** In the order in which they were first used. */
  accounts(): readonly Account[] {
    return [...this.#accounts.values()];
  }
}
