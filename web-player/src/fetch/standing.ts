/**
 * Whom to ask first. Pure: time is an argument.
 *
 * Boxes in the tracker's order, the origin after them; who failed lately rests and is asked only
 * when nobody else is left; who sent altered bytes is never asked again in this session.
 */

/** Somewhere that segments may be had from. */
export interface Place {
  /** The MPD's `serviceLocation`: a box's id, or the origin's name. */
  readonly name: string;
  /** What a segment's path is relative to; ends in `/live/{channel}/`. */
  readonly url: string;
  readonly kind: 'box' | 'origin';
}

export const FIRST_REST_MS = 10_000;
export const LONGEST_REST_MS = 120_000;
const BUSY_MS = 5_000;
const MISSES = 3;

interface Standing {
  readonly restUntil: number;
  readonly strikes: number;
  readonly misses: number;
}

const FRESH: Standing = { restUntil: 0, strikes: 0, misses: 0 };

export class Standings {
  readonly #standings = new Map<string, Standing>();
  readonly #banned = new Set<string>();

  /** Everyone worth asking, the first to ask first. */
  order(places: readonly Place[], now: number): Place[] {
    const asked = places.filter((place) => !this.isBanned(place));
    const rests = (place: Place): number => this.#of(place).restUntil;
    const awake = asked.filter((place) => rests(place) <= now);
    const resting = asked.filter((place) => rests(place) > now);
    return [
      ...awake.filter((place) => place.kind === 'box'),
      ...awake.filter((place) => place.kind === 'origin'),
      ...resting.sort((a, b) => rests(a) - rests(b)),
    ];
  }

  isBanned(place: Place): boolean {
    return this.#banned.has(place.name) || this.#banned.has(place.url);
  }

  served(place: Place): void {
    this.#standings.delete(place.name);
  }

  /** It did not answer, broke off, or was so slow that another had to be asked. */
  failed(place: Place, now: number): void {
    const { strikes } = this.#of(place);
    const rest = Math.min(FIRST_REST_MS * 2 ** strikes, LONGEST_REST_MS);
    this.#set(place, { restUntil: now + rest, strikes: strikes + 1 });
  }

  /** It answered that it is over its limits. */
  busy(place: Place, retryAfter: number | null, now: number): void {
    const rest = retryAfter === null ? BUSY_MS : Math.min(retryAfter * 1000, LONGEST_REST_MS);
    this.#set(place, { restUntil: now + rest });
  }

  /** It does not have the segment; a box that never has any is left alone for a while. */
  missed(place: Place, now: number): void {
    const misses = this.#of(place).misses + 1;
    if (misses < MISSES) this.#set(place, { misses });
    else this.#set(place, { misses: 0, restUntil: now + FIRST_REST_MS });
  }

  /**
   * It sent what the origin did not seal. A box leaves the session, by its name and by its address. The
   * origin's own bytes can only have been altered on their way: it rests.
   */
  lied(place: Place, now: number): void {
    if (place.kind === 'origin') {
      this.failed(place, now);
    } else {
      this.#banned.add(place.name).add(place.url);
    }
  }

  #of(place: Place): Standing {
    return this.#standings.get(place.name) ?? FRESH;
  }

  #set(place: Place, change: Partial<Standing>): void {
    this.#standings.set(place.name, { ...this.#of(place), ...change });
  }
}
