/** What the viewer chose for all channels, kept in this browser. */
import { recall, remember } from './memory';

const ONLY_ORIGIN = 'only-origin';
const VOLUME = 'volume';

/** Whether no box is to see this viewer. */
export const wantsOnlyOrigin = (): boolean => recall(ONLY_ORIGIN) === 'yes';

export function rememberOnlyOrigin(only: boolean): void {
  remember(ONLY_ORIGIN, only ? 'yes' : 'no');
}

/** From 0 to 1. */
export function rememberedVolume(): number {
  const volume = Number(recall(VOLUME) ?? 1);
  return volume > 0 && volume <= 1 ? volume : 1;
}

export function rememberVolume(volume: number): void {
  remember(VOLUME, volume.toFixed(2));
}
