/**
 * How dash.js goes from one Period to the next: two of its parts, replaced by `player.extend`.
 *
 * Its own way over a hole waits for the length of the hole after the next data came, when most of the
 * wait is over already; and it hands the source buffers of one Period to the next even where that has
 * sound and this has none, and then stands still. Both are internal classes, as the loaders are.
 */
import type { Kind } from './codecs';
import { type Range, isDue, landing } from './gaps';

const EVERY_MS = 100;
/** A player that has not begun for so many looks though there is data needs a push. */
const LOOKS = 3;
const PUSH_SECONDS = 0.01;
/** A picture that stands so near to the end of its Period has played it out. */
const END_SECONDS = 0.5;

/** The part of dash.js's `GapController` that its player uses. */
interface GapControl {
  setConfig(parts: Partial<Parts>): void;
  initialize(): void;
  reset(): void;
}

interface StreamInfo {
  readonly id: string;
  readonly start: number;
}

interface Stream {
  getStreamInfo(): StreamInfo | null;
  getPreloaded(): boolean;
}

/** The part of dash.js's controllers that is used here. */
interface Parts {
  readonly playbackController: {
    getTime(): number | null;
    isPaused(): boolean | null;
    isSeeking(): boolean | null;
    getCurrentLiveLatency(): number;
    getOriginalLiveDelay(): number;
    getStreamEndTime(): number;
    seek(time: number, stickToBuffered: boolean, internal: boolean): void;
  };
  readonly streamController: {
    getActiveStream(): Stream | null;
    getStreamForTime(time: number): Stream | null;
    getIsStreamSwitchInProgress(): boolean;
    getHasMediaOrInitialisationError(): boolean;
  };
  readonly videoModel: { getBufferRange(): TimeRanges | null; getReadyState(): number };
}

/** Stands in the place of dash.js's `GapController`. */
export function gapControl(): GapControl {
  let parts: Partial<Parts> = {};
  let timer: ReturnType<typeof setInterval> | undefined;
  let position: number | null = null;
  /** Seconds behind live when the picture last moved. */
  let usual = Infinity;
  let unbegun = 0;

  const look = ({ playbackController, streamController, videoModel }: Parts): void => {
    const stream = streamController.getActiveStream();
    const before = position;
    position = playbackController.getTime();
    if (!stream || position === null || playbackController.isPaused() !== false) return;
    if (streamController.getIsStreamSwitchInProgress()) return;
    if (streamController.getHasMediaOrInitialisationError()) return;
    const told = playbackController.getCurrentLiveLatency();
    const latency = Number.isFinite(told) && told > 0 ? told : null;
    if (position !== before) {
      if (before !== null && position > before) usual = latency ?? Infinity;
      return;
    }
    const buffered = ranges(videoModel.getBufferRange());
    // Before it has any data, Chromium gives the begin of the live window for its position, and dash.js makes no
    // seek to where the video seems to be: the decoder waits at 0.
    const isReady = videoModel.getReadyState() > HTMLMediaElement.HAVE_METADATA;
    unbegun = isReady || playbackController.isSeeking() !== false ? 0 : unbegun + 1;
    if (unbegun >= LOOKS && isWithin(buffered, position)) {
      unbegun = 0;
      playbackController.seek(position + PUSH_SECONDS, false, true);
      return;
    }
    const asUsual = Math.min(usual, playbackController.getOriginalLiveDelay());
    const hole = { position, buffered, latency, usual: asUsual };
    const to = landing(hole);
    if (to !== null) {
      playbackController.seek(to + 0.001, false, true);
      return;
    }
    // The next Period cannot be loaded ahead when its kinds of tracks are others: it begins with a seek.
    const end = playbackController.getStreamEndTime();
    if (!Number.isFinite(end) || end - position > END_SECONDS) return;
    const next = streamController.getStreamForTime(end + END_SECONDS);
    const start = next?.getStreamInfo()?.start;
    if (!next || next === stream || next.getPreloaded() || start === undefined) return;
    if (start > position && isDue(start, hole)) playbackController.seek(start, false, false);
  };

  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
    position = null;
    usual = Infinity;
    unbegun = 0;
  };
  return {
    setConfig: (given) => {
      parts = { ...parts, ...given };
    },
    initialize: () => {
      timer ??= setInterval(() => {
        if (isWhole(parts)) look(parts);
      }, EVERY_MS);
    },
    reset: stop,
  };
}

/**
 * Laid over dash.js's `Capabilities`: whether one Period may go on in the source buffers of the
 * one before it. No buffer can be added to a media source that plays, nor left empty.
 */
export function samePeriods(kindsOf: (id: string) => ReadonlySet<Kind>): () => object {
  return () => ({
    isProtectionCompatible: (before: StreamInfo | null, after: StreamInfo | null): boolean => {
      if (!before || !after) return true;
      const [one, other] = [kindsOf(before.id), kindsOf(after.id)];
      return one.size === other.size && [...one].every((kind) => other.has(kind));
    },
  });
}

const isWhole = (parts: Partial<Parts>): parts is Parts =>
  Boolean(parts.playbackController && parts.streamController && parts.videoModel);

const isWithin = (buffered: readonly Range[], position: number): boolean =>
  buffered.some(({ start, end }) => start <= position && position < end);

const ranges = (list: TimeRanges | null): Range[] =>
  Array.from({ length: list?.length ?? 0 }, (_, index) => ({
    start: list?.start(index) ?? 0,
    end: list?.end(index) ?? 0,
  }));
