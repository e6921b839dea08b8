/** What a URL of the player names. The host in it means nothing: the mesh decides whom to ask. */
import { INIT_SEGMENT, type SegmentId, isTrack } from '../verify/record';

const PATH = /^\/live\/([^/]+)\/(\d{1,20})\/([va]\d{1,2})\/(init|\d{1,10})\.(m4v|m4a)$/;

/** The segment of `channel` that a URL names, or null. */
export function segmentIn(url: string, channel: string): SegmentId | null {
  const [, name, epoch, track, segment, ending] = PATH.exec(pathOf(url)) ?? [];
  if (name !== channel || !epoch || !track || !segment || !isTrack(track)) return null;
  if (ending !== (track.startsWith('v') ? 'm4v' : 'm4a')) return null;
  if (segment === 'init') return { channel, epoch: BigInt(epoch), track, segment: INIT_SEGMENT };
  const number = Number(segment);
  if (number === INIT_SEGMENT || String(number) !== segment) return null;
  return { channel, epoch: BigInt(epoch), track, segment: number };
}

function pathOf(url: string): string {
  try {
    return new URL(url).pathname;
  } catch {
    return '';
  }
}
