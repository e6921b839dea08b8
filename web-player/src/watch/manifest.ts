/**
 * The tracker's MPD, read for the mesh and rewritten for dash.js.
 *
 * The `BaseURL`s tell the mesh whom to ask. dash.js is given one address in their place: choosing,
 * failing over and verifying happen below it, where a bad box costs a moment instead of a base URL.
 */
import type { Place } from '../fetch/standing';

/** The name of the one `BaseURL` that dash.js sees. */
const MESH = 'mesh';
const MAX_PLACES = 32;
const BOX = 'box-';

export interface Track {
  readonly kind: 'video' | 'audio';
  /** As `MediaSource.isTypeSupported` takes it. */
  readonly type: string;
  readonly codec: string;
}

export interface Manifest {
  /** The MPD for dash.js. */
  readonly text: string;
  /** Where its segments may be had, in the tracker's order. */
  readonly places: readonly Place[];
  /** The epochs of its Periods, the newest last. */
  readonly epochs: readonly bigint[];
  readonly tracks: readonly Track[];
}

/** Reads an MPD; null when it is none, or has nothing to play. */
export function readManifest(xml: string, url: string, channel: string): Manifest | null {
  const document = new DOMParser().parseFromString(xml, 'application/xml');
  const mpd = document.documentElement;
  if (mpd.localName !== 'MPD') return null;
  const places = placesOf(mpd, url);
  const epochs = epochsOf(mpd);
  if (epochs.length === 0) return null;

  for (const left of [...all(mpd, 'BaseURL'), ...all(mpd, 'ContentSteering')]) left.remove();
  const base = document.createElementNS(mpd.namespaceURI, 'BaseURL');
  base.setAttribute('serviceLocation', MESH);
  base.textContent = new URL(`/live/${channel}/`, url).href;
  mpd.prepend(base);
  const text = new XMLSerializer().serializeToString(document);
  return { text, places, epochs, tracks: tracksOf(mpd) };
}

function placesOf(mpd: Element, url: string): Place[] {
  const places: Place[] = [];
  for (const base of [...mpd.children].filter((child) => child.localName === 'BaseURL')) {
    const address = httpUrl(base.textContent.trim(), url);
    if (!address) continue;
    const name = base.getAttribute('serviceLocation') ?? address.host;
    places.push({ name, url: address.href, kind: name.startsWith(BOX) ? 'box' : 'origin' });
  }
  return places.slice(0, MAX_PLACES);
}

/** What stands first in the path of every init segment of the MPD. */
function epochsOf(mpd: Element): bigint[] {
  const found = all(mpd, 'SegmentTemplate')
    .map((template) => /^(\d{1,20})\//.exec(template.getAttribute('initialization') ?? '')?.[1])
    .filter((epoch) => epoch !== undefined);
  return [...new Set(found)].map(BigInt).sort((a, b) => (a < b ? -1 : 1));
}

function tracksOf(mpd: Element): Track[] {
  return all(mpd, 'Representation').flatMap((track) => {
    const set = track.parentElement;
    const said = (name: string): string =>
      track.getAttribute(name) ?? set?.getAttribute(name) ?? '';
    const mime = said('mimeType');
    const codec = said('codecs');
    const kind = /^(video|audio)\//.exec(mime)?.[1] as Track['kind'] | undefined;
    return kind ? [{ kind, codec, type: `${mime}; codecs="${codec}"` }] : [];
  });
}

const all = (mpd: Element, name: string): Element[] => [
  ...mpd.getElementsByTagNameNS(mpd.namespaceURI, name),
];

function httpUrl(text: string, base: string): URL | null {
  try {
    const url = new URL(text.endsWith('/') ? text : `${text}/`, base);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}
