/** Which of a channel's tracks a browser can decode, and what to call the others. */

export type Kind = 'video' | 'audio';

export interface Track {
  readonly kind: Kind;
  /** As `MediaSource.isTypeSupported` takes it. */
  readonly type: string;
  readonly codec: string;
}

/** Whether a type can be played. */
export type Supports = (type: string) => boolean;

/** RFC 6381 names, and what people call them. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^avc[13]/, 'H.264'],
  [/^(?:hvc1|hev1|dvh1|dvhe)/, 'H.265 (HEVC)'],
  [/^vvc1|^vvi1/, 'H.266 (VVC)'],
  [/^av01/, 'AV1'],
  [/^vp0?9/, 'VP9'],
  [/^mp4a\.40/, 'AAC'],
  [/^mp4a\.(?:69|6b)/i, 'MP3'],
  [/^opus/i, 'Opus'],
  [/^flac/i, 'FLAC'],
  [/^ac-3|^ec-3/, 'Dolby Digital'],
];

export interface Unplayable {
  readonly kind: Kind;
  /** "H.265 (HEVC), hvc1.1.6.L93.B0" */
  readonly codec: string;
}

/** The kinds of track of which not one can be decoded. */
export function unplayable(tracks: readonly Track[], supports: Supports): Unplayable[] {
  return (['video', 'audio'] as const).flatMap((kind) => {
    const of = tracks.filter((track) => track.kind === kind);
    const first = of[0];
    if (!first || of.some((track) => supports(track.type))) return [];
    return [{ kind, codec: codecName(first.codec) }];
  });
}

export function codecName(codec: string): string {
  const name = NAMES.find(([form]) => form.test(codec))?.[1];
  return name ? `${name}, ${codec}` : codec;
}

/** What this browser plays by MediaSource; null when it has none. */
export function mediaSourceSupport(): Supports | null {
  const scope = globalThis as { ManagedMediaSource?: typeof MediaSource };
  const source =
    (globalThis.MediaSource as typeof MediaSource | undefined) ?? scope.ManagedMediaSource;
  return source ? (type) => source.isTypeSupported(type) : null;
}
