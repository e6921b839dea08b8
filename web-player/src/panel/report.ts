/** All that the panel knows, as text for a report of what went wrong. Nothing in it says who the viewer is. */
import type { Diagnostics } from '../watch/diagnostics';
import type { Source } from './flow';
import { bits, bytes, seconds } from './numbers';

export interface Told {
  readonly page: string;
  readonly browser: string;
  readonly at: Date;
  readonly diagnostics: Diagnostics;
  readonly sources: readonly Source[];
  readonly dropped: number;
  /** By name, the values of the last minute. */
  readonly graphs: Readonly<Record<string, readonly number[]>>;
  /** What the panel says besides. */
  readonly remark: string;
}

export function report(told: Told): string {
  const { diagnostics: now } = told;
  const stalls = now.stalls.map((stall) => seconds(stall.seconds)).join(', ');
  const height = now.chosenHeight === null ? 'chosen by the player' : `${now.chosenHeight}p chosen`;
  return [
    `Boxmesh, ${told.page}`,
    `at: ${told.at.toISOString()}`,
    `browser: ${told.browser}`,
    `state: ${now.state}, on air: ${now.onAir}, epoch: ${now.epoch ?? 'none'}`,
    `message: ${now.message || 'none'}`,
    `behind live: ${seconds(now.latency)}, buffer: ${seconds(now.buffer)}`,
    `first picture after: ${seconds(now.firstPictureAt)}`,
    `heights: ${now.heights.join(', ') || 'one'}, ${height}`,
    `dropped pictures: ${told.dropped}`,
    `stalls: ${stalls || 'none'}`,
    `chunks verified: ${now.verifiedChunks}, unverified: ${now.unverifiedChunks}`,
    ...(told.remark ? [`remark: ${told.remark}`] : []),
    '',
    ...told.sources.map(
      (source) =>
        `${source.id}: ${bytes(source.bytes)}, ${bits(source.speed)}, ${source.refused} refused` +
        (source.banned ? ', left out' : ''),
    ),
    '',
    ...Object.entries(told.graphs).map(([name, values]) => `${name}: ${range(values)}`),
    '',
  ].join('\n');
}

/** "1.2 to 4.5 in the last minute, now 2.0" */
function range(values: readonly number[]): string {
  const last = values.at(-1);
  if (last === undefined) return 'not known';
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${least.toFixed(1)} to ${most.toFixed(1)} in the last minute, now ${last.toFixed(1)}`;
}
