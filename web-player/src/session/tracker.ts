/** The questions that the pages ask the tracker. */
import type { Getter } from '../fetch/transport';
import { type BoxNews, type ChannelNews, readBoxes, readChannels } from './news';

const MAX_ANSWER_BYTES = 8 << 20;
const PATIENCE_MS = 5_000;

/** The channels, or null when the tracker cannot be understood; rejects when it does not answer. */
export const askForChannels = (transport: Getter): Promise<ChannelNews[] | null> =>
  ask(transport, '/api/v1/channels', readChannels);

/** The boxes, likewise. */
export const askForBoxes = (transport: Getter): Promise<BoxNews[] | null> =>
  ask(transport, '/api/v1/boxes', readBoxes);

async function ask<T>(
  transport: Getter,
  path: string,
  read: (json: unknown) => T | null,
): Promise<T | null> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const url = new URL(path, location.href).href;
  const bytes = await transport.get(url, { signal, limit: MAX_ANSWER_BYTES });
  try {
    return read(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}

/** Asks every `everyMs` until the signal is aborted; the wait begins when the answer is there. */
export function keepAsking(ask: () => Promise<void>, everyMs: number, signal: AbortSignal): void {
  const round = async (): Promise<void> => {
    await ask();
    if (!signal.aborted) setTimeout(() => void round(), everyMs);
  };
  void round();
}
