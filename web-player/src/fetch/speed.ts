/**
 * How fast a line is on which a segment comes while it is made: most of that time nothing is there to be sent. Counted is
 * what comes within a chunk, which is sent at once.
 */
export class Speed {
  bytes = 0;
  ms = 0;
  #at: number | null = null;

  /** A piece came, of so many bytes, at `now`; `isWaiting` tells that a chunk ends with it. */
  came(bytes: number, now: number, isWaiting: boolean): void {
    if (this.#at !== null) {
      this.bytes += bytes;
      this.ms += now - this.#at;
    }
    this.#at = isWaiting ? null : now;
  }
}
