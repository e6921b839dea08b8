/**
 * What dash.js is answered: manifests from the tracker, segments from the mesh, nothing else.
 *
 * A manifest that cannot be had, or has nothing that can be played here, is answered with the last
 * one, since dash.js would never ask again.
 */
import type { Mesh, Taken } from '../fetch/mesh';
import type { Place } from '../fetch/standing';
import { Steering, advised } from '../fetch/steering';
import type { Transport } from '../fetch/transport';
import type { Bytes } from '../verify/bytes';
import type { SegmentId } from '../verify/record';
import type { Opened } from '../verify/verifier';
import { segmentIn } from './address';
import type { Kind, Supports } from './codecs';
import { type Manifest, type Period, readManifest } from './manifest';
import { splice } from './splice';

const MAX_MANIFEST_BYTES = 2 << 20;
const PATIENCE_MS = 3_000;

export interface Routes {
  manifest(url: string, signal: AbortSignal): Promise<string>;
  segment(
    url: string,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void,
  ): Promise<Opened>;
  /** A segment while it is made: gives each chunk to `give`, and tells of the first byte to `begun`. */
  flow(
    url: string,
    signal: AbortSignal,
    begun: () => void,
    give: (chunk: Bytes) => void,
  ): Promise<Taken>;
}

export interface RoutesParts {
  readonly channel: string;
  readonly transport: Transport;
  readonly mesh: Mesh;
  readonly supports: Supports;
}

export class ChannelRoutes implements Routes {
  /** The Period that is played. */
  played: Period | null = null;
  /** The newest that was ever told of, whether or not it can be played here. */
  newest: Period | null = null;
  /** Whether the last manifest is the last of all. */
  isFinal = false;
  /**
   * When the newest epoch lost its pace, in milliseconds since 1970; null while it has it, or never had. Its segments are told of
   * when they are whole from then on, for which a player of low latency is too near to live.
   */
  irregularSince: number | null = null;
  #paced: bigint | null = null;
  /** What dash.js was given last. */
  #last: Document | null = null;
  #periods: ReadonlyMap<string, Period> = new Map();

  /** Where the newest manifest says that segments may be had. */
  #places: readonly Place[] = [];
  readonly #steering: Steering;

  constructor(private readonly parts: RoutesParts) {
    const { transport, mesh } = parts;
    this.#steering = new Steering(transport, mesh.seen, (advice) => {
      mesh.places = advised(this.#places, advice);
    });
  }

  /** Nothing is asked from here on. */
  end(): void {
    this.#steering.end();
  }

  /** dash.js has begun to play the Period of that id. */
  plays(id: string): void {
    this.played = this.#periods.get(id) ?? null;
  }

  /** What can be played of the Period of that id. */
  kindsOf(id: string): ReadonlySet<Kind> {
    return this.#periods.get(id)?.kinds ?? new Set();
  }

  async manifest(url: string, signal: AbortSignal): Promise<string> {
    try {
      const manifest = await this.#fetch(url, signal);
      this.#places = manifest.places;
      this.parts.mesh.places = manifest.places;
      this.#steering.at(manifest.isFinal ? null : manifest.steering);
      this.isFinal = manifest.isFinal;
      this.#know(manifest.periods);
      this.newest = manifest.periods.at(-1) ?? null;
      this.#notePace(this.newest);
      if (manifest.periods.every((period) => period.kinds.size === 0)) {
        throw new Error('nothing of it can be played here');
      }
      this.#last = splice(manifest, this.#last, this.played?.id ?? null);
    } catch (why) {
      if (!this.#last) throw why;
    }
    return new XMLSerializer().serializeToString(this.#last);
  }

  async segment(
    url: string,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void,
  ): Promise<Opened> {
    return await this.parts.mesh.segment(this.#idIn(url), signal, onBytes);
  }

  async flow(
    url: string,
    signal: AbortSignal,
    begun: () => void,
    give: (chunk: Bytes) => void,
  ): Promise<Taken> {
    const id = this.#idIn(url);
    return await this.parts.mesh.flow(id, signal, {
      begun,
      give: (chunk) => {
        if (!signal.aborted) give(chunk.bytes);
      },
      isOver: () => this.isFinal || (this.newest !== null && this.newest.epoch > id.epoch),
    });
  }

  #idIn(url: string): SegmentId {
    const { channel } = this.parts;
    const id = segmentIn(url, channel);
    if (!id) throw new Error(`${url} names no segment of ${channel}`);
    return id;
  }

  #notePace(newest: Period | null): void {
    if (newest?.isLow) this.#paced = newest.epoch;
    const isLost = newest !== null && !newest.isLow && newest.epoch === this.#paced;
    this.irregularSince = isLost ? (this.irregularSince ?? Date.now()) : null;
  }

  #know(periods: readonly Period[]): void {
    const played = this.played ? [this.played] : [];
    this.#periods = new Map([...played, ...periods].map((period) => [period.id, period]));
  }

  async #fetch(url: string, signal: AbortSignal): Promise<Manifest> {
    const { channel, transport, supports } = this.parts;
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const order = { signal: AbortSignal.any([signal, patience]), limit: MAX_MANIFEST_BYTES };
    const bytes = await transport.get(url, order);
    const manifest = readManifest(new TextDecoder().decode(bytes), url, channel, supports);
    if (!manifest) throw new Error(`${url} is no manifest`);
    return manifest;
  }
}
