/** How a figure went in the last minute, as a small graph. */
import { svg } from '../page/dom';

/** The panel is drawn twice a second. */
const SPAN_MS = 60_000;
const WIDTH = 120;
const HEIGHT = 28;
/** A line on the edge would be cut in half. */
const MARGIN = 2;

interface Sample {
  readonly at: number;
  readonly value: number;
}

export class Series {
  readonly #samples: Sample[] = [];

  /** What it is at `at`, in milliseconds; null where it is not known. */
  add(at: number, value: number | null): void {
    if (value !== null && Number.isFinite(value)) this.#samples.push({ at, value });
    while (this.#samples[0] && this.#samples[0].at < at - SPAN_MS) this.#samples.shift();
  }

  get values(): readonly number[] {
    return this.#samples.map(({ value }) => value);
  }

  /** The points of a line, from a minute before `now` at the left to `now` at the right; 0 is always at the bottom. */
  points(now: number): string {
    const most = Math.max(...this.values, Number.MIN_VALUE);
    return this.#samples
      .map(({ at, value }) => {
        const x = WIDTH * (1 - (now - at) / SPAN_MS);
        const y = MARGIN + (HEIGHT - 2 * MARGIN) * (1 - value / most);
        return `${x.toFixed(1)},${y.toFixed(1)}`;
      })
      .join(' ');
  }
}

/** A graph of one series. The number stands beside it, so a screen reader is told of that alone. */
export class Spark {
  readonly series = new Series();
  readonly #line = svg('polyline');
  readonly element = svg(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
    },
    this.#line,
  );

  show(now: number, value: number | null): void {
    this.series.add(now, value);
    this.#line.setAttribute('points', this.series.points(now));
  }
}
