/**
 * How far behind live a viewer is: as little as can be, or, with `?latency=normal`, by whole segments, for whoever has a line that
 * stutters.
 */
export type Latency = 'low' | 'normal';

/** What the query of a page's address asks for, where this browser can do it. */
export const latencyIn = (query: string): Latency =>
  new URLSearchParams(query).get('latency') === 'normal' || !canStream() ? 'normal' : 'low';

/** Whether a body may be read while it comes. */
const canStream = (): boolean =>
  typeof ReadableStream === 'function' && 'body' in Response.prototype;
