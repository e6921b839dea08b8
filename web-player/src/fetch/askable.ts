/**
 * Whom this page may ask at all. Pure.
 *
 * A viewer may wish that no box sees their address; and a page that came over https cannot ask a box that has http only.
 */
import type { Place } from './standing';

export interface Bounds {
  readonly onlyOrigin: boolean;
  /** Whether the page came over https. */
  readonly isHttps: boolean;
}

export function mayAsk(place: Place, { onlyOrigin, isHttps }: Bounds): boolean {
  if (place.kind === 'origin') return true;
  return !onlyOrigin && !(isHttps && isPlain(place.url));
}

/** Whether there are boxes, and none of them can be asked since all have http only. */
export const boxesNeedHttps = (places: readonly Place[], isHttps: boolean): boolean => {
  const boxes = places.filter((place) => place.kind === 'box');
  return isHttps && boxes.length > 0 && boxes.every((place) => isPlain(place.url));
};

/** http, and not to the viewer's own machine, which browsers trust. */
function isPlain(url: string): boolean {
  try {
    const { protocol, hostname } = new URL(url);
    return protocol === 'http:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
  } catch {
    return true;
  }
}
