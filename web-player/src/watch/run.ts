/** What is attached to the video, from one `attach` to the next. */
import type { Player } from './player';
import type { ChannelRoutes } from './routes';

export interface Run {
  readonly player: Player;
  readonly routes: ChannelRoutes;
  /** The epoch that the tracker told when it was attached. */
  readonly epoch: bigint;
  readonly since: number;
  startedAt: number | null;
}

export type Started = Run & { readonly startedAt: number };

/** Whether a picture of it has moved. */
export const hasStarted = (run: Run | null): run is Started =>
  run !== null && run.startedAt !== null;
