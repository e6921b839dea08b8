/** What the tracker tells of its channels, read with care: shapes are checked, lists are bounded. */
import { isChannel } from '../verify/record';

const MAX_CHANNELS = 1_000;
const MAX_KEYS = 16;
const KEY = /^[0-9a-f]{64}$/;

export interface ChannelNews {
  readonly name: string;
  readonly live: boolean;
  /** Milliseconds since 1970; null when the channel was never on air. */
  readonly epoch: bigint | null;
  /** Public keys of its origin, in hexadecimal. */
  readonly keys: readonly string[];
  /** How many boxes carry it. */
  readonly boxes: number;
}

/** The channels in the tracker's answer, or null when it is none. */
export function readChannels(json: unknown): ChannelNews[] | null {
  if (!isObject(json) || !Array.isArray(json.channels)) return null;
  const channels: unknown[] = json.channels.slice(0, MAX_CHANNELS);
  return channels.map(readChannel).filter((channel) => channel !== null);
}

function readChannel(json: unknown): ChannelNews | null {
  if (!isObject(json) || typeof json.name !== 'string' || !isChannel(json.name)) return null;
  const keys = Array.isArray(json.keys) ? json.keys.slice(0, MAX_KEYS) : [];
  return {
    name: json.name,
    live: json.live === true,
    epoch: Number.isSafeInteger(json.epoch) ? BigInt(json.epoch as number) : null,
    keys: keys.filter((key): key is string => typeof key === 'string' && KEY.test(key)),
    boxes: Number.isSafeInteger(json.boxes) ? Math.max(0, json.boxes as number) : 0,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
