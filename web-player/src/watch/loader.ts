/**
 * The one loader of dash.js: every request of it ends here, and none goes to the network by itself.
 *
 * It stands in the place of dash.js's own `XHRLoader` and `FetchLoader` (`player.extend`), which
 * are internal classes: the version of dash.js is pinned exactly. Only manifests and segments are
 * answered, so nothing that the verifier has not opened can be appended, whatever a manifest asks for.
 */
import type { Routes } from './routes';

/** What dash.js hands to a loader; the part of its `CommonMediaRequest` that is used here. */
interface LoaderRequest {
  readonly url: string;
  readonly customData: {
    readonly request: { readonly type: string };
    readonly onloadend?: () => void;
    readonly onprogress?: (event: Progress) => void;
    readonly onabort?: () => void;
    abort?: () => void;
  };
}

/** What it wants filled in before `onloadend`; the part of its `CommonMediaResponse` that is used here. */
interface LoaderResponse {
  url?: string;
  status?: number;
  statusText?: string;
  headers?: Record<string, string>;
  data?: string | ArrayBuffer | null;
}

interface Progress {
  readonly lengthComputable: boolean;
  readonly loaded?: number;
  readonly total?: number;
  /** A piece of the segment, to be appended at once. */
  readonly data?: ArrayBuffer;
  /** Not to be taken for a measure of the line. */
  readonly noTrace?: boolean;
  /** Milliseconds that it took on the line. */
  readonly time?: number;
}

/** Whether segments are handed on chunk by chunk, as dash.js takes them of its `FetchLoader`, or whole. */
export type Manner = 'flowing' | 'whole';

/** A factory as `player.extend(name, factory, false)` takes it. */
export function loaderOf(routes: Routes, manner: Manner): () => object {
  return () => {
    const open = new Set<AbortController>();

    const load = (request: LoaderRequest, response: LoaderResponse): boolean => {
      // dash.js takes its handlers away before it aborts, and still wants to hear of the abort.
      const { onloadend, onprogress, onabort } = request.customData;
      const control = new AbortController();
      open.add(control);
      request.customData.abort = () => {
        if (!open.delete(control)) return;
        control.abort();
        onabort?.();
      };
      void answer(routes, manner, request, control.signal, onprogress).then((filled) => {
        if (!open.delete(control)) return;
        Object.assign(response, { url: request.url, headers: {} }, filled);
        onloadend?.();
      });
      return true;
    };
    const abortAll = (): void => {
      for (const control of open) control.abort();
      open.clear();
    };

    return {
      load,
      abort: (request?: LoaderRequest) => {
        if (request) request.customData.abort?.();
        else abortAll();
      },
      reset: abortAll,
      resetInitialSettings: abortAll,
      setConfig: () => undefined,
      getXhr: () => null,
    };
  };
}

/** Never rejects: dash.js stalls for good on a rejected promise. */
async function answer(
  routes: Routes,
  manner: Manner,
  request: LoaderRequest,
  signal: AbortSignal,
  onprogress?: (event: Progress) => void,
): Promise<LoaderResponse> {
  try {
    switch (request.customData.request.type) {
      case 'MPD':
        return ok(await routes.manifest(request.url, signal));
      case 'InitializationSegment':
      case 'MediaSegment': {
        if (manner === 'flowing') return await flow(routes, request.url, signal, onprogress);
        // dash.js takes the speed of the line from what follows the first call, which is that the answer begins.
        // Where several places are asked, the one that is furthest counts.
        let furthest = -1;
        const progress = (loaded: number, total: number | null): void => {
          if (loaded <= furthest) return;
          furthest = loaded;
          onprogress?.({ lengthComputable: total !== null, loaded, total: total ?? 0 });
        };
        const opened = await routes.segment(request.url, signal, progress);
        // A copy of exactly what was verified: the buffer under it could be larger.
        return ok(opened.bytes.slice().buffer);
      }
      default:
        return { status: 501, statusText: 'not asked for by this player', data: null };
    }
  } catch (why) {
    return { status: 504, statusText: why instanceof Error ? why.message : '', data: null };
  }
}

/** What `FetchLoader` of dash.js does, but that each piece is a chunk whose seal was opened. */
async function flow(
  routes: Routes,
  url: string,
  signal: AbortSignal,
  onprogress?: (event: Progress) => void,
): Promise<LoaderResponse> {
  let hasBegun = false;
  const begun = (): void => {
    if (hasBegun) return;
    hasBegun = true;
    onprogress?.({ lengthComputable: false, noTrace: true });
  };
  const { bytes, ms } = await routes.flow(url, signal, begun, (chunk) => {
    onprogress?.({ lengthComputable: false, noTrace: true, data: chunk.slice().buffer });
  });
  const whole = { lengthComputable: true, loaded: bytes, total: bytes };
  if (ms === null) onprogress?.({ ...whole, noTrace: true });
  else onprogress?.({ ...whole, time: Math.max(ms, 1) });
  return ok(new ArrayBuffer(0));
}

const ok = (data: string | ArrayBuffer): LoaderResponse => ({
  status: 200,
  statusText: 'OK',
  data,
});
