/**
 * How bytes reach the page. Everything that is fetched goes through a {@link Transport}, so another
 * way of fetching (WebTransport, for pages on https whose boxes have no certificate) is another
 * implementation and nothing else changes.
 */
import { type Bytes, concat } from '../verify/bytes';

export interface Order {
  readonly signal: AbortSignal;
  /** More bytes than this are not taken. */
  readonly limit: number;
  /** Told when the answer begins and with every piece of it: the bytes so far, and of how many if that is known. */
  readonly onBytes?: (received: number, total: number | null) => void;
}

export interface Getter {
  /** The whole body of a 200. Rejects with {@link NoAnswer} for anything else. */
  get(url: string, order: Order): Promise<Bytes>;
}

export interface Transport extends Getter {
  /** The same, piece by piece as it comes. Whoever takes no more of it ends it. */
  pieces(url: string, order: Order): AsyncIterable<Uint8Array>;
}

/** Why there are no bytes. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';

  constructor(
    message: string,
    /** The HTTP status; 0 when there was no answer at all. */
    readonly status: number,
    /** Seconds that the other side asked to be left alone for. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }
}

export const http: Transport = {
  async get(url, order) {
    const pieces: Uint8Array[] = [];
    for await (const piece of http.pieces(url, order)) pieces.push(piece);
    return concat(...pieces);
  },

  async *pieces(url, { signal, limit, onBytes }) {
    const answer = await ask(url, signal);
    if (answer.status !== 200) {
      void answer.body?.cancel();
      throw new NoAnswer(`${url} answered ${answer.status}`, answer.status, seconds(answer));
    }
    const total = lengthOf(answer);
    if (total !== null && total > limit) {
      void answer.body?.cancel();
      throw new NoAnswer(`${url} has ${total} bytes, over ${limit}`, 0);
    }
    onBytes?.(0, total);
    const reader = answer.body?.getReader();
    let received = 0;
    try {
      for (;;) {
        const next = await reader?.read().catch((why: unknown) => {
          signal.throwIfAborted();
          throw new NoAnswer(`${url} broke off after ${received} bytes: ${String(why)}`, 0);
        });
        if (!next || next.done) return;
        received += next.value.length;
        if (received > limit) throw new NoAnswer(`${url} sends more than ${limit} bytes`, 0);
        onBytes?.(received, total);
        yield next.value;
      }
    } finally {
      // Nothing is left to be cancelled where it came to its end.
      void reader?.cancel().catch(() => undefined);
    }
  },
};

async function ask(url: string, signal: AbortSignal): Promise<Response> {
  try {
    // Nothing of the viewer goes along, and no piece of video stays in the browser's cache.
    return await fetch(url, {
      signal,
      cache: 'no-store',
      credentials: 'omit',
      referrerPolicy: 'no-referrer',
    });
  } catch (why) {
    signal.throwIfAborted();
    throw new NoAnswer(`${url} does not answer: ${String(why)}`, 0);
  }
}

const lengthOf = (answer: Response): number | null => number(answer, 'Content-Length');
const seconds = (answer: Response): number | null => number(answer, 'Retry-After');

function number(answer: Response, header: string): number | null {
  const value = answer.headers.get(header) ?? '';
  return /^\d{1,15}$/.test(value) ? Number(value) : null;
}
