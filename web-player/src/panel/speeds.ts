/** How fast bytes came from each place in the last seconds. */

const SPAN_MS = 10_000;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

export class Speeds {
  readonly #samples = new Map<string, Sample[]>();

  /** Notes how many bytes came from there by `at`, in milliseconds, and tells the bits per second. */
  note(name: string, at: number, bytes: number): number {
    const samples = this.#samples.get(name) ?? [];
    this.#samples.set(name, samples);
    samples.push({ at, bytes });
    // One older than the span stays: from there on it is counted.
    while (samples[1] && samples[1].at <= at - SPAN_MS) samples.shift();
    const first = samples[0];
    return first && at > first.at ? (8000 * (bytes - first.bytes)) / (at - first.at) : 0;
  }
}
