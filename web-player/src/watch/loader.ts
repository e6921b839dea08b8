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
  readonly loaded: number;
  readonly total: number;
}

/** A factory as `player.extend(name, factory, false)` takes it. */
export function loaderOf(routes: Routes): () => object {
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
      void answer(routes, request, control.signal, onprogress).then((filled) => {
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

const ok = (data: string | ArrayBuffer): LoaderResponse => ({
  status: 200,
  statusText: 'OK',
  data,
});
