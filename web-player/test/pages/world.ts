/**
 * A tracker and an origin for one page: serves the built pages, and a live channel that follows a
 * script of epochs against the wall clock, in sealed segments.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Origin } from '../sealer';
import type { Clip, Segment, Track } from './clips';

/** As the tracker serves the pages: nothing inline, scripts from here alone. */
const CONTENT_SECURITY_POLICY =
  "default-src 'self'; connect-src *; media-src blob: *; img-src 'self' data:; " +
  "worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const DIST = fileURLToPath(new URL('../../dist', import.meta.url));
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
const AVAILABILITY_START = Date.UTC(2020, 0, 1);
/** From the end of a segment until everybody has it. */
const ON_ITS_WAY_SECONDS = 0.6;

/** An epoch in the script. */
export interface Act {
  readonly clip: Clip;
  /** When it begins, in seconds since the world does. */
  readonly at: number;
  /** Seconds for which it lasts; it goes on for ever when there is none. */
  readonly lasts?: number;
}

export interface Script {
  readonly acts: readonly Act[];
  /** What the tracker says, by seconds since the world began; "live" before and without any. */
  readonly states?: readonly (readonly [number, 'live' | 'away' | 'ended'])[];
  /** Whether an epoch is forgotten as soon as there is another. */
  readonly forgetful?: boolean;
  /** Seconds of media that the manifest lists. */
  readonly window?: number;
  /** What a segment takes to come, in milliseconds for each kilobyte. */
  readonly slowness?: () => number;
}

export class World {
  readonly #server: Server;
  readonly #origin = new Origin(7);
  readonly #sealed = new Map<string, Buffer>();
  /** When it began; a page that takes its time to load misses nothing. */
  #began: number | null = null;
  /** Paths of media that were asked for. */
  readonly asked: string[] = [];
  /** Other things that the tracker says of the channel. */
  more: Record<string, unknown> = {};
  /** More answers, by path. */
  readonly pages = new Map<string, { type: string; body: Buffer | string }>();

  private constructor(
    private readonly script: Script,
    private readonly ago: number,
  ) {
    this.#server = createServer((request, response) => {
      void this.#answer(request, response).catch(() => {
        response.writeHead(500).end();
      });
    });
  }

  /** Begins `ago` seconds before the first page asks what is on air. */
  static async begin(script: Script, ago = 0): Promise<World> {
    const world = new World(script, ago);
    await new Promise<void>((resolve) => world.#server.listen(0, '127.0.0.1', resolve));
    return world;
  }

  url(path: string): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`;
  }

  /** Seconds since it began. */
  get age(): number {
    return this.#began === null ? 0 : (Date.now() - this.#began) / 1000;
  }

  /** The epoch of that act. */
  epoch(act: number): number {
    const found = this.script.acts[act];
    return found ? this.#epoch(found) : NaN;
  }

  /** Where that act begins in the presentation, in seconds. */
  startOf(act: number): number {
    return (this.epoch(act) - AVAILABILITY_START) / 1000;
  }

  end(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://world').pathname;
    const say = (type: string, body: string | Buffer): void => {
      response.writeHead(200, {
        'Content-Type': type,
        'Content-Security-Policy': path.startsWith('/embed/')
          ? CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", 'frame-ancestors *')
          : CONTENT_SECURITY_POLICY,
        'Access-Control-Allow-Origin': '*',
      });
      response.end(body);
    };
    const page = this.pages.get(path);
    if (page) {
      say(page.type, page.body);
    } else if (path === '/time') {
      say('text/plain', new Date().toISOString());
    } else if (path === '/api/v1/channels') {
      this.#began ??= Date.now() - 1000 * this.ago;
      say('application/json', JSON.stringify({ channels: [this.#channel()] }));
    } else if (path === '/live/demo/manifest.mpd' || path === '/live/demo/low-latency.mpd') {
      say('application/dash+xml', this.#mpd());
    } else {
      const isMedia = path.startsWith('/live/demo/');
      if (isMedia) this.asked.push(path);
      const file = isMedia ? this.#media(path) : await built(path);
      const slowness = this.script.slowness?.() ?? 0;
      if (!file) response.writeHead(404).end();
      else if (isMedia && slowness > 0) await trickle(response, file, slowness);
      else say(TYPES[extname(path)] ?? 'text/html; charset=utf-8', file);
    }
  }

  #begun(): Act[] {
    return this.script.acts.filter((act) => act.at <= this.age);
  }

  #state(): 'live' | 'away' | 'ended' {
    const said = (this.script.states ?? []).filter(([at]) => at <= this.age).at(-1);
    return said?.[1] ?? 'live';
  }

  #channel(): Record<string, unknown> {
    const act = this.#begun().at(-1);
    const state = this.#state();
    return {
      name: 'demo',
      live: state !== 'ended',
      state,
      epoch: act ? this.#epoch(act) : 0,
      keys: [this.#origin.hex],
      newest: 1,
      boxes: 0,
      ...this.more,
    };
  }

  #epoch(act: Act): number {
    return Math.round((this.#began ?? 0) + 1000 * act.at);
  }

  #mpd(): string {
    const state = this.#state();
    const told = this.#begun().filter((act) => this.#listed(act).some((list) => list.length > 0));
    const begun = this.script.forgetful ? told.slice(-1) : told;
    const periods = begun.map((act, index) => this.#period(act, index < begun.length - 1));
    const last = begun.at(-1);
    const end = last ? (this.#epoch(last) - AVAILABILITY_START) / 1000 + (last.lasts ?? 0) : 0;
    const over =
      state === 'ended'
        ? ` mediaPresentationDuration="PT${end.toFixed(3)}S"`
        : ' minimumUpdatePeriod="PT1S"';
    return `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="${state === 'ended' ? 'static' : 'dynamic'}"${over} profiles="urn:mpeg:dash:profile:isoff-live:2011"
 availabilityStartTime="2020-01-01T00:00:00Z" publishTime="${new Date().toISOString()}" minBufferTime="PT2S"
 timeShiftBufferDepth="PT${this.#window}S" suggestedPresentationDelay="PT6S" maxSegmentDuration="PT2S">
<BaseURL serviceLocation="origin">${this.url('/live/demo/')}</BaseURL>
${periods.join('\n')}
<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="${this.url('/time')}"/>
</MPD>`;
  }

  get #window(): number {
    return this.script.window ?? 50;
  }

  #listed(act: Act): Segment[][] {
    const begin = this.age - this.#window;
    return act.clip.map((track) =>
      this.#whole(act, track).filter(
        (segment) => act.at + (segment.time + segment.duration) / track.timescale > begin,
      ),
    );
  }

  /** The segments that are complete, and everywhere. */
  #whole(act: Act, track: Track): Segment[] {
    const upto = Math.min(act.lasts ?? Infinity, this.age - act.at - ON_ITS_WAY_SECONDS);
    return track.segments.filter(
      (segment) => (segment.time + segment.duration) / track.timescale <= upto + 0.05,
    );
  }

  #period(act: Act, isPast: boolean): string {
    const epoch = this.#epoch(act);
    const start = ((epoch - AVAILABILITY_START) / 1000).toFixed(3);
    const duration = isPast && act.lasts !== undefined ? ` duration="PT${act.lasts}S"` : '';
    const lists = this.#listed(act);
    const sets = (['video', 'audio'] as const).map((kind) =>
      this.#set(kind, act, lists, String(epoch)),
    );
    return `<Period id="${epoch}" start="PT${start}S"${duration}>${sets.join('')}</Period>`;
  }

  #set(kind: 'video' | 'audio', act: Act, lists: readonly Segment[][], epoch: string): string {
    const tracks = act.clip.filter((track) => track.id.startsWith(kind.slice(0, 1)));
    const [first] = tracks;
    if (!first) return '';
    const list = lists[act.clip.indexOf(first)] ?? [];
    const number = first.segments.indexOf(list[0] ?? first.segments[0] ?? never()) + 1;
    const runs = list.map(({ time, duration }) => `<S t="${time}" d="${duration}"/>`).join('');
    const ending = kind === 'video' ? 'm4v' : 'm4a';
    const representations = tracks.map((track) => {
      const bytes = track.segments.reduce((sum, { media }) => sum + media.length, 0);
      const seconds = track.segments.reduce((sum, { duration }) => sum + duration, 0);
      const bandwidth = Math.ceil((8 * bytes * track.timescale) / seconds);
      const size = kind === 'video' ? ` width="${track.width}" height="${track.height}"` : '';
      return `<Representation id="${track.id}" bandwidth="${bandwidth}" codecs="${track.codecs}"${size}/>`;
    });
    return `<AdaptationSet id="${kind === 'video' ? 1 : 2}" contentType="${kind}" mimeType="${kind}/mp4" segmentAlignment="true" startWithSAP="1">
<SegmentTemplate timescale="${first.timescale}" initialization="${epoch}/$RepresentationID$/init.${ending}" media="${epoch}/$RepresentationID$/$Number$.${ending}" startNumber="${number}"><SegmentTimeline>${runs}</SegmentTimeline></SegmentTemplate>
${representations.join('')}</AdaptationSet>`;
  }

  #media(path: string): Buffer | null {
    const [, epoch, id, name] = /^\/live\/demo\/(\d+)\/(\w+)\/(\w+)\.m4[va]$/.exec(path) ?? [];
    const act = this.#begun().find((one) => String(this.#epoch(one)) === epoch);
    const track = act?.clip.find((one) => one.id === id);
    if (!act || !track || epoch === undefined || id === undefined) return null;
    const known = this.#sealed.get(path);
    if (known) return known;
    const facts = { epoch: BigInt(epoch), track: id, timescale: track.timescale };
    if (name === 'init') {
      return this.#origin.sealedInit(track.init, { ...facts, segment: 0 });
    }
    const number = Number(name);
    const segment = this.#whole(act, track)[number - 1];
    if (!segment) return null;
    const { time, duration, media } = segment;
    const whole = { ...facts, segment: number, index: 0, last: true, duration };
    const sealed = this.#origin.sealedChunk(media, { ...whole, time: BigInt(time) });
    this.#sealed.set(path, sealed);
    return sealed;
  }
}

/** A file of the built pages, under the path that the tracker serves it at. */
function built(path: string): Promise<Buffer | null> {
  const name = /^\/(watch|embed)\//.exec(path)?.[1] ?? (path.slice(1) || 'index');
  return readFile(join(DIST, extname(name) === '' ? `${name}.html` : name)).catch(() => null);
}

/** Sends the media as a line of that slowness does. */
async function trickle(response: ServerResponse, media: Buffer, msPerKb: number): Promise<void> {
  response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': media.length });
  const piece = 16 << 10;
  for (let at = 0; at < media.length; at += piece) {
    response.write(media.subarray(at, at + piece));
    await new Promise((done) => setTimeout(done, (msPerKb * piece) / 1000));
  }
  response.end();
}

const never = (): never => {
  throw new Error('a track without segments');
};
