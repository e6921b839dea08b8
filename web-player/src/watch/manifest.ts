/**
 * The tracker's MPD, read for the mesh and rewritten for dash.js.
 *
 * The `BaseURL`s tell the mesh whom to ask. dash.js is given one address in their place: choosing,
 * failing over and verifying happen below it, where a bad box costs a moment instead of a base URL.
 * Tracks that this browser cannot decode are taken out, and so are Periods without a picture then.
 */
import type { Place } from '../fetch/standing';
import { type Kind, type Supports, type Track, type Unplayable, unplayable } from './codecs';

/** The name of the one `BaseURL` that dash.js sees. */
const MESH = 'mesh';
const MAX_PLACES = 32;
/**
 * dash.js counts from when media reached the origin; whoever watches, from the camera. Encoder, screen and all between take so
 * much of what the manifest asks for, in milliseconds.
 */
const OUTSIDE_MS = 500;
const BOX = 'box-';

/** One epoch, as the manifest tells of it. */
export interface Period {
  /** What stands first in the paths of its segments. */
  readonly epoch: bigint;
  /** `Period@id`. */
  readonly id: string;
  /** What can be played of it here; nothing when its picture cannot. */
  readonly kinds: ReadonlySet<Kind>;
  /** What cannot. */
  readonly unplayable: readonly Unplayable[];
  /** Whether its segments may be had while they are made. */
  readonly isLow: boolean;
}

export interface Manifest {
  /** The MPD for dash.js, with the Periods that can be played here; there may be none. */
  readonly document: Document;
  /** Where its segments may be had, in the tracker's order. */
  readonly places: readonly Place[];
  /** Where to ask which of them to use, or null. */
  readonly steering: string | null;
  /** All its Periods, the newest last. */
  readonly periods: readonly Period[];
  /** Whether it will not change any more. */
  readonly isFinal: boolean;
}

/** Whether segments of that Period may be had while they are made. */
export const isLow = (period: Element): boolean =>
  all(period, 'SegmentTemplate').some(
    (template) => template.getAttribute('availabilityTimeComplete') === 'false',
  );

/** Reads an MPD; null when it is none, or tells of no epoch. */
export function readManifest(
  xml: string,
  url: string,
  channel: string,
  supports: Supports,
): Manifest | null {
  const document = new DOMParser().parseFromString(xml, 'application/xml');
  const mpd = document.documentElement;
  if (mpd.localName !== 'MPD') return null;
  const places = placesOf(mpd, url);
  const steering = steeringOf(mpd, url);
  const periods = children(mpd, 'Period').flatMap((period) => {
    const read = readPeriod(period, supports);
    if (!read || read.kinds.size === 0) period.remove();
    return read ?? [];
  });
  if (periods.length === 0) return null;

  for (const left of [...all(mpd, 'BaseURL'), ...all(mpd, 'ContentSteering')]) left.remove();
  all(mpd, 'Latency').forEach(aimNearer);
  const base = document.createElementNS(mpd.namespaceURI, 'BaseURL');
  base.setAttribute('serviceLocation', MESH);
  base.textContent = new URL(`/live/${channel}/`, url).href;
  mpd.prepend(base);
  periods.sort((a, b) => (a.epoch < b.epoch ? -1 : 1));
  return { document, places, steering, periods, isFinal: !mpd.hasAttribute('minimumUpdatePeriod') };
}

function aimNearer(latency: Element): void {
  const said = (name: string): number => {
    const ms = Number(latency.getAttribute(name));
    return Number.isFinite(ms) ? ms : 0;
  };
  const target = said('target');
  const nearer = Math.max(target - OUTSIDE_MS, Math.min(target, said('min')));
  if (target > 0) latency.setAttribute('target', String(nearer));
}

/** Reads a Period, and takes out what cannot be played; null when it names no epoch. */
function readPeriod(period: Element, supports: Supports): Period | null {
  const epoch = epochOf(period);
  if (epoch === null) return null;
  const tracks = tracksOf(period);
  const cannot = unplayable(
    tracks.map(([track]) => track),
    supports,
  );
  for (const [track, element] of tracks) {
    if (!supports(track.type)) element.remove();
  }
  for (const set of all(period, 'AdaptationSet')) {
    if (all(set, 'Representation').length === 0) set.remove();
  }
  const left = cannot.some(({ kind }) => kind === 'video') ? [] : tracksOf(period);
  return {
    epoch,
    id: period.getAttribute('id') ?? '',
    kinds: new Set(left.map(([track]) => track.kind)),
    unplayable: cannot,
    isLow: isLow(period),
  };
}

function placesOf(mpd: Element, url: string): Place[] {
  const places: Place[] = [];
  for (const base of children(mpd, 'BaseURL')) {
    const address = httpUrl(base.textContent.trim(), url);
    if (!address) continue;
    const name = base.getAttribute('serviceLocation') ?? address.host;
    places.push({ name, url: address.href, kind: name.startsWith(BOX) ? 'box' : 'origin' });
  }
  return places.slice(0, MAX_PLACES);
}

function steeringOf(mpd: Element, url: string): string | null {
  const said = children(mpd, 'ContentSteering')[0]?.textContent.trim();
  return said && URL.canParse(said, url) ? new URL(said, url).href : null;
}

/** What stands first in the path of its init segments. */
function epochOf(period: Element): bigint | null {
  for (const template of all(period, 'SegmentTemplate')) {
    const epoch = /^(\d{1,20})\//.exec(template.getAttribute('initialization') ?? '')?.[1];
    if (epoch !== undefined) return BigInt(epoch);
  }
  return null;
}

function tracksOf(period: Element): [Track, Element][] {
  return all(period, 'Representation').flatMap((element) => {
    const set = element.parentElement;
    const said = (name: string): string =>
      element.getAttribute(name) ?? set?.getAttribute(name) ?? '';
    const mime = said('mimeType');
    const codec = said('codecs');
    const kind = /^(video|audio)\//.exec(mime)?.[1] as Kind | undefined;
    const read: [Track, Element][] = kind
      ? [[{ kind, codec, type: `${mime}; codecs="${codec}"` }, element]]
      : [];
    return read;
  });
}

const all = (within: Element, name: string): Element[] => [
  ...within.getElementsByTagNameNS(within.namespaceURI, name),
];

export const children = (of: Element, name: string): Element[] =>
  [...of.children].filter((child) => child.localName === name);

function httpUrl(text: string, base: string): URL | null {
  try {
    const url = new URL(text.endsWith('/') ? text : `${text}/`, base);
    return /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}
