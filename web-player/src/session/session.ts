/**
 * A viewer's session: which channel, whether it is on air, and with which keys its origin seals.
 *
 * What the tracker said last holds while it does not answer: media never waits for the tracker.
 */
import type { Getter } from '../fetch/transport';
import { type PublicKey, publicKey } from '../verify/ed25519';
import { isChannel } from '../verify/record';
import { askForChannels, keepAsking } from './tracker';

const EVERY_MS = 2_000;

export type OnAir =
  /** The tracker has not answered yet. */
  | { readonly kind: 'unknown' }
  /** It knows no such channel. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'off-air' }
  | {
      readonly kind: 'live';
      readonly epoch: bigint;
      readonly keys: readonly PublicKey[];
      /** Whether its publisher is gone, and may be back. */
      readonly away: boolean;
    };

/** The channel in `/watch/{channel}` and `/embed/{channel}`, or null. */
export function channelIn(pathname: string): string | null {
  const name = /^\/(?:watch|embed)\/([^/]+)\/?$/.exec(pathname)?.[1] ?? '';
  return isChannel(name) ? name : null;
}

export class Session {
  onAir: OnAir = { kind: 'unknown' };
  /** Whether the tracker answered when it was last asked. */
  reachable = true;
  readonly #usable = new Map<string, PublicKey | null>();

  constructor(
    readonly channel: string,
    private readonly transport: Getter,
  ) {}

  /** Asks now and from now on; tells `changed` after every answer, and after none. */
  start(changed: () => void, signal: AbortSignal): void {
    keepAsking(
      async () => {
        await this.refresh();
        changed();
      },
      EVERY_MS,
      signal,
    );
  }

  /** The channel's keys; asked to be `fresh`, after asking the tracker again. */
  async keys(fresh: boolean): Promise<readonly PublicKey[]> {
    if (fresh) await this.refresh();
    return this.onAir.kind === 'live' ? this.onAir.keys : this.#lastKeys;
  }

  async refresh(): Promise<void> {
    const channels = await askForChannels(this.transport).catch(() => null);
    this.reachable = channels !== null;
    if (channels === null) return;
    const news = channels.find((channel) => channel.name === this.channel);
    if (!news) {
      this.onAir = { kind: 'missing' };
    } else if (news.state === 'ended' || news.epoch === null) {
      this.onAir = { kind: 'off-air' };
    } else {
      this.#lastKeys = await this.#usableOf(news.keys);
      const away = news.state === 'away';
      this.onAir = { kind: 'live', epoch: news.epoch, keys: this.#lastKeys, away };
    }
  }

  /** Still good while the last seconds of a channel that went off air are played. */
  #lastKeys: readonly PublicKey[] = [];

  async #usableOf(texts: readonly string[]): Promise<PublicKey[]> {
    const keys: PublicKey[] = [];
    for (const text of texts) {
      const known = this.#usable.get(text);
      const key = known === undefined ? await publicKey(text) : known;
      this.#usable.set(text, key);
      if (key) keys.push(key);
    }
    return keys;
  }
}
