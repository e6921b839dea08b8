/** The questions that the page asks the tracker. */
import type { Transport } from '../fetch/transport';
import { type ChannelNews, readChannels } from './news';

const MAX_ANSWER_BYTES = 1 << 20;
const PATIENCE_MS = 5_000;

/** The channels, or null when the tracker cannot be understood; rejects when it does not answer. */
export async function askForChannels(transport: Transport): Promise<ChannelNews[] | null> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const url = new URL('/api/v1/channels', location.href).href;
  const bytes = await transport.get(url, { signal, limit: MAX_ANSWER_BYTES });
  try {
    return readChannels(JSON.parse(new TextDecoder().decode(bytes)));
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
