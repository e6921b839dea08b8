/**
 * Content steering (ETSI TS 103 998): every few seconds the tracker says which places to use now, and hears how they did. So a
 * box that is dying or full is left before it fails, also between two manifests.
 */
import { type Shape, isObject, objects, text, texts } from '../session/shapes';
import type { Seen } from './seen';
import type { Place } from './standing';
import type { Getter } from './transport';

const MAX_ANSWER_BYTES = 64 << 10;
const PATIENCE_MS = 3_000;
const MAX_PLACES = 32;
const MAX_NAME = 64;
const MAX_HOST = 256;
const SHORTEST_TTL = 1;
const USUAL_TTL = 5;
const LONGEST_TTL = 300;

/** Which places to use, the first first, and how to reach those that the manifest does not name. */
export interface Advice {
  readonly ttl: number;
  readonly order: readonly string[];
  readonly clones: readonly { readonly base: string; readonly id: string; readonly host: string }[];
}

/** The tracker's answer, or null when it is none. */
export function readAdvice(json: unknown): Advice | null {
  if (!isObject(json) || json.VERSION !== 1) return null;
  const order = texts(json['PATHWAY-PRIORITY'], MAX_PLACES);
  if (order.length === 0) return null;
  const ttl = typeof json.TTL === 'number' && Number.isFinite(json.TTL) ? json.TTL : USUAL_TTL;
  return {
    ttl: Math.min(Math.max(ttl, SHORTEST_TTL), LONGEST_TTL),
    order: order.map((name) => name.slice(0, MAX_NAME)),
    clones: objects(json['PATHWAY-CLONES'], MAX_PLACES).map((clone) => ({
      base: text(clone['BASE-ID'], MAX_NAME),
      id: text(clone.ID, MAX_NAME),
      host: hostIn(clone['URI-REPLACEMENT']),
    })),
  };
}

/** The places of a manifest as that advice has them; the origin stays the last resort whatever it says. */
export function advised(places: readonly Place[], advice: Advice): readonly Place[] {
  const known = new Map(places.map((place) => [place.name, place]));
  for (const { base, id, host } of advice.clones) {
    const like = known.get(base);
    const url = like && atHost(like.url, host);
    if (url && !known.has(id)) known.set(id, { name: id, url, kind: kindOf(id) });
  }
  const named = advice.order.flatMap((name) => known.get(name) ?? []);
  const origins = places.filter((place) => place.kind === 'origin' && !named.includes(place));
  return named.some((place) => place.kind === 'box') ? [...named, ...origins] : places;
}

export class Steering {
  #url: string | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #ended = false;

  constructor(
    private readonly transport: Getter,
    private readonly seen: Seen,
    private readonly advise: (advice: Advice) => void,
  ) {}

  /** A manifest came, which tells where to ask from now on, or nowhere. */
  at(url: string | null): void {
    this.#url = url;
    if (url && !this.#timer) this.#wait(USUAL_TTL);
  }

  end(): void {
    this.#ended = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  #wait(seconds: number): void {
    this.#timer = setTimeout(() => {
      void this.#ask().then((ttl) => {
        if (!this.#ended) this.#wait(ttl);
      });
    }, seconds * 1000);
  }

  async #ask(): Promise<number> {
    if (!this.#url) return USUAL_TTL;
    const url = new URL(this.#url);
    for (const [name, value] of this.seen.tell()) url.searchParams.set(name, value);
    try {
      const signal = AbortSignal.timeout(PATIENCE_MS);
      const bytes = await this.transport.get(url.href, { signal, limit: MAX_ANSWER_BYTES });
      const advice = readAdvice(JSON.parse(new TextDecoder().decode(bytes)));
      if (advice && !this.#ended) this.advise(advice);
      return advice?.ttl ?? USUAL_TTL;
    } catch {
      // What was said last holds while the tracker does not answer.
      return USUAL_TTL;
    }
  }
}

const kindOf = (name: string): Place['kind'] => (name.startsWith('box-') ? 'box' : 'origin');

function hostIn(replacement: unknown): string {
  const shape: Shape = isObject(replacement) ? replacement : {};
  return text(shape.HOST, MAX_HOST);
}

/** The same URL at another host, with its port; null where that is no host. */
function atHost(url: string, host: string): string | null {
  if (!/^[\w.:[\]-]+$/.test(host)) return null;
  try {
    const { protocol, pathname } = new URL(url);
    return new URL(`${protocol}//${host}${pathname}`).href;
  } catch {
    return null;
  }
}
