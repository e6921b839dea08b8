/**
 * What dash.js is answered: manifests from the tracker, segments from the mesh, nothing else.
 *
 * A manifest that cannot be had is answered with the last one, since dash.js would never ask again;
 * so is one that has moved on to another epoch, so that what is left of this one is played out.
 */
import type { Mesh } from '../fetch/mesh';
import type { Transport } from '../fetch/transport';
import type { Opened } from '../verify/verifier';
import { segmentIn } from './address';
import { type Manifest, readManifest } from './manifest';

const MAX_MANIFEST_BYTES = 2 << 20;
const PATIENCE_MS = 3_000;

export interface Routes {
  manifest(url: string, signal: AbortSignal): Promise<string>;
  segment(
    url: string,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void,
  ): Promise<Opened>;
}

export class ChannelRoutes implements Routes {
  /** The epoch that is played: the newest of the first manifest, then the newest that is asked for. */
  epoch: bigint | null = null;
  #last: Manifest | null = null;

  constructor(
    private readonly channel: string,
    private readonly transport: Transport,
    private readonly mesh: Mesh,
    /** Told of the first manifest; what it throws ends the playback. */
    private readonly onFirst: (manifest: Manifest) => void,
  ) {}

  async manifest(url: string, signal: AbortSignal): Promise<string> {
    try {
      const manifest = await this.#fetch(url, signal);
      this.mesh.places = manifest.places;
      if (!this.#last) this.onFirst(manifest);
      this.epoch ??= manifest.epochs.at(-1) ?? null;
      if (!this.#last || (this.epoch !== null && manifest.epochs.includes(this.epoch))) {
        this.#last = manifest;
      }
    } catch (why) {
      if (!this.#last) throw why;
    }
    return this.#last.text;
  }

  async segment(
    url: string,
    signal: AbortSignal,
    onBytes: (received: number, total: number | null) => void,
  ): Promise<Opened> {
    const id = segmentIn(url, this.channel);
    if (!id) throw new Error(`${url} names no segment of ${this.channel}`);
    if (this.epoch === null || id.epoch > this.epoch) this.epoch = id.epoch;
    return await this.mesh.segment(id, signal, onBytes);
  }

  async #fetch(url: string, signal: AbortSignal): Promise<Manifest> {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const order = { signal: AbortSignal.any([signal, patience]), limit: MAX_MANIFEST_BYTES };
    const bytes = await this.transport.get(url, order);
    const manifest = readManifest(new TextDecoder().decode(bytes), url, this.channel);
    if (!manifest) throw new Error(`${url} is no manifest`);
    return manifest;
  }
}
