/**
 * What this viewer saw of its boxes since it told the tracker last: how fast they were, and which failed. The tracker believes
 * it once other networks say the same. Nothing about the viewer is in it.
 */
import type { Place } from './standing';

/** Less is no measure of a line. */
const SHORTEST_MS = 10;

export class Seen {
  readonly #rates = new Map<string, number>();
  readonly #failed = new Set<string>();

  /** A segment came whole, and from its first byte to its last it took so long. */
  served(place: Place, bytes: number, ms: number): void {
    if (place.kind !== 'box') return;
    this.#failed.delete(place.name);
    if (ms < SHORTEST_MS) return;
    const rate = Math.round((8000 * bytes) / ms);
    this.#rates.set(place.name, Math.max(rate, this.#rates.get(place.name) ?? 0));
  }

  /** It did not answer, broke off, or was so slow that another had to be asked. */
  failed(place: Place): void {
    if (place.kind === 'box') this.#failed.add(place.name);
  }

  /** All of it, as the question for steering tells it (ETSI TS 103 998), and `failed` besides; from then on it is told. */
  tell(): [string, string][] {
    const rates = [...this.#rates];
    const told: [string, string][] = [];
    if (rates.length > 0) {
      told.push(['_DASH_pathway', `"${rates.map(([name]) => name).join(',')}"`]);
      told.push(['_DASH_throughput', rates.map(([, rate]) => String(rate)).join(',')]);
    }
    if (this.#failed.size > 0) told.push(['failed', [...this.#failed].join(',')]);
    this.#rates.clear();
    this.#failed.clear();
    return told;
  }
}
