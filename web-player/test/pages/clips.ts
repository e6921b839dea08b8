/** Media for the tests of the pages: short clips in segments of two seconds, made by ffmpeg. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface Segment {
  /** In units of the track's timescale. */
  readonly time: number;
  readonly duration: number;
  /** `moof` and `mdat`. */
  readonly media: Buffer;
}

export interface Track {
  /** `v0`, `v1`, `a0` */
  readonly id: string;
  readonly codecs: string;
  readonly timescale: number;
  readonly width: number;
  readonly height: number;
  /** `ftyp` and `moov`. */
  readonly init: Buffer;
  readonly segments: readonly Segment[];
}

export type Clip = readonly Track[];

export interface Recipe {
  /** Heights of the pictures, 16:9; none for sound alone. */
  readonly heights: readonly number[];
  readonly sound: boolean;
  readonly codecs?: 'h264-aac' | 'vp9-opus';
  /** Bits a second of the pictures, as ffmpeg takes it: one for each height. */
  readonly bitrates?: readonly string[];
  readonly seconds: number;
}

const ENCODERS = {
  'h264-aac': {
    video: ['-c:v', 'libx264', '-preset', 'ultrafast', '-sc_threshold', '0'],
    audio: ['-c:a', 'aac', '-b:a', '64k'],
  },
  'vp9-opus': {
    video: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'],
    audio: ['-c:a', 'libopus', '-b:a', '64k'],
  },
} as const;

const made = new Map<string, Promise<Clip>>();

/** A clip; each is made once. */
export function clip(recipe: Recipe): Promise<Clip> {
  const key = JSON.stringify(recipe);
  const known = made.get(key);
  if (known) return known;
  const clip = make(recipe);
  made.set(key, clip);
  return clip;
}

async function make(recipe: Recipe): Promise<Clip> {
  const folder = await mkdtemp(join(tmpdir(), 'boxmesh-clip-'));
  try {
    await promisify(execFile)('ffmpeg', argumentsFor(recipe, folder), { cwd: folder });
    const mpd = await readFile(join(folder, 'out.mpd'), 'utf8');
    return await Promise.all(
      [...mpd.matchAll(/<Representation .*?<\/Representation>/gs)].map(([text], index) =>
        read(text, index, recipe, folder),
      ),
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

function argumentsFor(recipe: Recipe, folder: string): string[] {
  const { heights, sound, seconds } = recipe;
  const encoders = ENCODERS[recipe.codecs ?? 'h264-aac'];
  const input = (filter: string): string[] => ['-f', 'lavfi', '-i', filter];
  const size = Math.max(180, ...heights);
  const video = heights.flatMap((height, index) => [
    ...['-map', '0:v', `-filter:v:${index}`, `scale=-2:${height}`],
    ...[`-b:v:${index}`, recipe.bitrates?.[index] ?? '200k'],
  ]);
  return [
    ...['-loglevel', 'error', '-nostdin'],
    ...input(`testsrc2=size=${Math.round((size * 16) / 9 / 2) * 2}x${size}:rate=25`),
    ...input('sine=frequency=440:sample_rate=48000'),
    ...video,
    ...(heights.length > 0 ? [...encoders.video, '-g', '50', '-keyint_min', '50'] : []),
    ...(heights.length > 0 ? ['-pix_fmt', 'yuv420p'] : []),
    ...(sound ? ['-map', '1:a', '-ac', '2', ...encoders.audio] : []),
    ...['-t', String(seconds), '-f', 'dash', '-seg_duration', '2', '-use_timeline', '1'],
    ...['-use_template', '1', '-dash_segment_type', 'mp4', '-init_seg_name'],
    ...['init-$RepresentationID$', '-media_seg_name', 'seg-$RepresentationID$-$Number$'],
    join(folder, 'out.mpd'),
  ];
}

async function read(text: string, index: number, recipe: Recipe, folder: string): Promise<Track> {
  const said = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(text)?.[1] ?? '';
  const isVideo = index < recipe.heights.length;
  const segments: Segment[] = [];
  let time = 0;
  for (const [, run] of text.matchAll(/<S ([^>]*)\/>/g)) {
    const number = (name: string): number | null => {
      const found = new RegExp(`\\b${name}="(\\d+)"`).exec(run ?? '')?.[1];
      return found === undefined ? null : Number(found);
    };
    time = number('t') ?? time;
    for (let more = 0; more <= (number('r') ?? 0); more += 1) {
      const file = join(folder, `seg-${index}-${segments.length + 1}`);
      const duration = number('d') ?? 0;
      segments.push({ time, duration, media: only(await readFile(file), ['moof', 'mdat']) });
      time += duration;
    }
  }
  return {
    id: isVideo ? `v${index}` : `a${index - recipe.heights.length}`,
    codecs: said('codecs'),
    timescale: Number(said('timescale')),
    width: Number(said('width')),
    height: Number(said('height')),
    init: only(await readFile(join(folder, `init-${index}`)), ['ftyp', 'moov']),
    segments,
  };
}

/** The top-level boxes of those kinds. */
function only(bytes: Buffer, kinds: readonly string[]): Buffer {
  const boxes: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += bytes.readUInt32BE(at)) {
    const kind = bytes.toString('latin1', at + 4, at + 8);
    if (kinds.includes(kind)) boxes.push(bytes.subarray(at, at + bytes.readUInt32BE(at)));
  }
  return Buffer.concat(boxes);
}
