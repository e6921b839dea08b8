// @vitest-environment happy-dom
// dash.js gets manifests and verified segments, and nothing else, and is never left waiting for good.
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { Ledger } from '../src/fetch/ledger';
import { Mesh } from '../src/fetch/mesh';
import type { Transport } from '../src/fetch/transport';
import { loaderOf } from '../src/watch/loader';
import { ChannelRoutes, type Routes } from '../src/watch/routes';

const CODECS = 'avc1.64001f';
const MPD = (epoch: number): string =>
  `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" minimumUpdatePeriod="PT1S"><BaseURL serviceLocation="box-${epoch}">http://box/</BaseURL><Period id="${epoch}" start="PT${100 * epoch}S"><AdaptationSet mimeType="video/mp4"><SegmentTemplate initialization="${epoch}/$RepresentationID$/init.m4v"/><Representation id="v0" codecs="${CODECS}"/></AdaptationSet></Period></MPD>`;
const URL_ = 'http://tracker/live/demo/manifest.mpd';

describe('manifests', () => {
  let answer: string | null;
  let mesh: Mesh;
  let routes: ChannelRoutes;
  const transport: Transport = {
    get: () =>
      answer === null
        ? Promise.reject(new Error('away'))
        : Promise.resolve(new TextEncoder().encode(answer)),
    pieces: vi.fn(),
  };
  const manifest = (): Promise<string> => routes.manifest(URL_, new AbortController().signal);

  beforeEach(() => {
    const keys = (): Promise<[]> => Promise.resolve([]);
    mesh = new Mesh({
      transport,
      verify: vi.fn(),
      verifyChunk: vi.fn(),
      keys,
      ledger: new Ledger(),
    });
    routes = new ChannelRoutes({ channel: 'demo', transport, mesh, supports: () => true });
  });

  it('fail as long as there was none', async () => {
    answer = null;
    await expect(manifest()).rejects.toThrow('away');
  });

  it('are answered with the last one while the tracker is away', async () => {
    answer = MPD(1);
    const first = await manifest();
    answer = null;
    expect(await manifest()).toBe(first);
    answer = 'nonsense';
    expect(await manifest()).toBe(first);
  });

  it('that forget the epoch that is played keep it until it is played out', async () => {
    answer = MPD(1);
    await manifest();
    routes.plays('1');
    answer = MPD(2);
    const both = await manifest();
    expect(both.match(/<Period id="\d"/g)).toEqual(['<Period id="1"', '<Period id="2"']);
    expect(mesh.places.map((place) => place.name)).toEqual(['box-2']);
    expect([routes.played?.epoch, routes.newest?.epoch]).toEqual([1n, 2n]);
    routes.plays('2');
    expect((await manifest()).match(/<Period/g)).toHaveLength(1);
  });

  it('with nothing that can be played are answered with the last one', async () => {
    const supports = (type: string): boolean => !type.includes('hvc1');
    routes = new ChannelRoutes({ channel: 'demo', transport, mesh, supports });
    answer = MPD(2).replace(CODECS, 'hvc1.1.6.L93.B0');
    await expect(manifest()).rejects.toThrow('nothing of it can be played');
    expect(routes.newest?.unplayable).toHaveLength(1);
    answer = MPD(1);
    const first = await manifest();
    answer = MPD(2).replace(CODECS, 'hvc1.1.6.L93.B0');
    expect(await manifest()).toBe(first);
    expect(routes.newest?.unplayable).toHaveLength(1);
  });

  it('tell since when an epoch has lost its pace, and nothing of one that never had it', async () => {
    vi.useFakeTimers({ now: 1_000 });
    const paced = (mpd: string): string =>
      mpd.replace('<SegmentTemplate', '<SegmentTemplate availabilityTimeComplete="false"');
    const told: (number | null)[] = [];
    for (answer of [MPD(1), paced(MPD(1)), MPD(1), MPD(1), paced(MPD(1)), MPD(1), MPD(2)]) {
      vi.advanceTimersByTime(1_000);
      await manifest();
      told.push(routes.irregularSince);
    }
    vi.useRealTimers();
    expect(told).toEqual([null, null, 4_000, 4_000, null, 7_000, null]);
  });

  it('tell which Periods have tracks of the same kinds', async () => {
    answer = MPD(1);
    await manifest();
    expect([...routes.kindsOf('1')]).toEqual(['video']);
    expect([...routes.kindsOf('9')]).toEqual([]);
  });
});

describe('the loader', () => {
  interface Loader {
    load: (request: object, response: object) => void;
    abort: (request?: object) => void;
  }
  const opened = { bytes: new Uint8Array(8).subarray(2, 5), chunks: 1, verified: true };
  let routes: Routes;
  let loader: Loader;
  beforeEach(() => {
    routes = {
      manifest: vi.fn(() => Promise.resolve('<MPD/>')),
      segment: vi.fn(() => Promise.resolve(opened)),
      flow: vi.fn(() => Promise.resolve({ bytes: 0, ms: null })),
    };
    loader = loaderOf(routes, 'whole')() as Loader;
  });

  const load = (type: string): Promise<{ status: number; data: unknown }> =>
    new Promise((resolve) => {
      const response = { status: 0, data: null };
      const onloadend = (): void => {
        resolve(response);
      };
      loader.load({ url: URL_, customData: { request: { type }, onloadend } }, response);
    });

  it('answers manifests and segments', async () => {
    expect(await load('MPD')).toMatchObject({ status: 200, data: '<MPD/>' });
    expect(await load('InitializationSegment')).toMatchObject({ status: 200 });
  });

  it('hands over exactly the verified bytes, not the memory around them', async () => {
    const { data } = await load('MediaSegment');
    expect((data as ArrayBuffer).byteLength).toBe(3);
  });

  it.each(['IndexSegment', 'BitstreamSwitchingSegment', 'XLinkExpansion', 'other', ''])(
    'answers no request for %s',
    async (type) => {
      expect(await load(type)).toMatchObject({ status: 501, data: null });
      expect(routes.segment).not.toHaveBeenCalled();
    },
  );

  it('answers with a status when something fails, since dash.js stalls on a rejection', async () => {
    routes.segment = () => Promise.reject(new Error('nobody has it'));
    expect(await load('MediaSegment')).toMatchObject({ status: 504, data: null });
  });

  it('tells how the bytes come, without going back where another place is asked', async () => {
    routes.segment = (_, __, onBytes) => {
      for (const bytes of [0, 100, 40, 90, 120]) onBytes(bytes, 120);
      return Promise.resolve(opened);
    };
    const seen: number[] = [];
    const onprogress = ({ loaded }: { loaded: number }): void => {
      seen.push(loaded);
    };
    await new Promise<void>((resolve) => {
      const customData = { request: { type: 'MediaSegment' }, onprogress, onloadend: resolve };
      loader.load({ url: URL_, customData }, {});
    });
    expect(seen).toEqual([0, 100, 120]);
  });

  it('ends a request that is aborted, and tells of it once', async () => {
    let seen: AbortSignal | undefined;
    routes.segment = (_, signal) => {
      seen = signal;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(new Error('aborted'));
        });
      });
    };
    const onabort = vi.fn();
    const onloadend = vi.fn();
    const customData = { request: { type: 'MediaSegment' }, onabort, onloadend };
    const request = { url: URL_, customData };
    loader.load(request, {});
    loader.abort(request);
    loader.abort(request);
    await new Promise((done) => setTimeout(done));
    expect(seen?.aborted).toBe(true);
    expect(onabort).toHaveBeenCalledOnce();
    expect(onloadend).not.toHaveBeenCalled();
  });

  describe('of what is still being made', () => {
    const told: Record<string, unknown>[] = [];
    const flow = (): Promise<Record<string, unknown>> => {
      told.length = 0;
      return new Promise((resolve) => {
        const response: Record<string, unknown> = {};
        const onloadend = (): void => {
          resolve(response);
        };
        const onprogress = (event: Record<string, unknown>): void => {
          told.push(event);
        };
        const customData = { request: { type: 'MediaSegment' }, onprogress, onloadend };
        loader.load({ url: URL_, customData }, response);
      });
    };
    beforeEach(() => {
      loader = loaderOf(routes, 'flowing')() as Loader;
      routes.flow = (_, __, begun, give) => {
        begun();
        give(opened.bytes);
        begun();
        give(opened.bytes);
        return Promise.resolve({ bytes: 6, ms: 40 });
      };
    });

    it('hands on each chunk as it is given, and at the end how long it took on the line', async () => {
      const response = await flow();
      const quiet = { lengthComputable: false, noTrace: true };
      const data = opened.bytes.slice().buffer;
      const end = { lengthComputable: true, loaded: 6, total: 6, time: 40 };
      expect(told).toEqual([quiet, { ...quiet, data }, { ...quiet, data }, end]);
      expect((told[1]?.data as ArrayBuffer).byteLength).toBe(3);
      // dash.js appends what it is answered with at the end as well: nothing is left for that.
      expect(response.status).toBe(200);
      expect((response.data as ArrayBuffer).byteLength).toBe(0);
    });

    it('says nothing of a speed that nobody could measure', async () => {
      routes.flow = () => Promise.resolve({ bytes: 6, ms: null });
      await flow();
      expect(told).toEqual([{ lengthComputable: true, loaded: 6, total: 6, noTrace: true }]);
    });

    it('answers with a status when it breaks off, also after some of it', async () => {
      routes.flow = (_, __, ___, give) => {
        give(opened.bytes);
        return Promise.reject(new Error('nobody has more'));
      };
      expect(await flow()).toMatchObject({ status: 504, data: null });
    });
  });
});
