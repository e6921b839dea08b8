// From one Period to the next: in the same buffers where that can be, with a seek where it cannot.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { gapControl, samePeriods } from '../src/watch/periods';

describe('the way over a hole', () => {
  const next = { getStreamInfo: () => ({ id: '2', start: 105 }), getPreloaded: vi.fn() };
  const active = { getStreamInfo: () => ({ id: '1', start: 80 }), getPreloaded: () => true };
  const control = gapControl();
  let position: number;
  let paused: boolean;
  let behind: number;
  let ranges: [number, number][];
  let readyState: number;
  const seek = vi.fn<(to: number, stickToBuffered: boolean, internal: boolean) => void>();

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('HTMLMediaElement', { HAVE_METADATA: 1 });
    readyState = 4;
    [position, paused, behind, ranges] = [98, false, 6, [[80, 100]]];
    seek.mockReset().mockImplementation((to) => {
      position = to;
    });
    next.getPreloaded.mockReturnValue(true);
    control.setConfig({
      playbackController: {
        getTime: () => position,
        isPaused: () => paused,
        isSeeking: () => false,
        getCurrentLiveLatency: () => behind,
        getOriginalLiveDelay: () => 6,
        getStreamEndTime: () => 100,
        seek,
      },
      streamController: {
        getActiveStream: () => active,
        getStreamForTime: () => next,
        getIsStreamSwitchInProgress: () => false,
        getHasMediaOrInitialisationError: () => false,
      },
    });
    control.setConfig({
      videoModel: {
        getBufferRange: () => ({
          length: ranges.length,
          start: (index) => ranges[index]?.[0] ?? 0,
          end: (index) => ranges[index]?.[1] ?? 0,
        }),
        getReadyState: () => readyState,
      },
    });
    control.initialize();
  });
  afterEach(() => {
    control.reset();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  /** Time goes by; the picture moves up to 99.9. */
  function pass(seconds: number): void {
    for (let tenths = 0; tenths < 10 * seconds; tenths += 1) {
      if (position < 99.9) position += 0.1;
      else if (!paused) behind += 0.1;
      vi.advanceTimersByTime(100);
    }
  }

  it('is as long as the hole, and leads into buffers that are there', () => {
    pass(4);
    ranges.push([105, 107]);
    pass(2.5);
    expect(seek).not.toHaveBeenCalled();
    pass(2);
    expect(seek).toHaveBeenCalledExactlyOnceWith(105.001, false, true);
  });

  it('leads by a seek of the player where the next Period could not be loaded ahead', () => {
    next.getPreloaded.mockReturnValue(false);
    pass(5);
    expect(seek).not.toHaveBeenCalled();
    pass(3.5);
    expect(seek).toHaveBeenCalledExactlyOnceWith(105, false, false);
  });

  it('is not taken while the viewer pauses', () => {
    ranges.push([105, 107]);
    paused = true;
    behind = 60;
    position = 99.9;
    pass(20);
    expect(seek).not.toHaveBeenCalled();
  });

  it('begins with a push where the decoder waits elsewhere', () => {
    [position, readyState] = [99.95, 1];
    ranges = [[99.95, 102]];
    pass(0.3);
    expect(seek).not.toHaveBeenCalled();
    pass(0.2);
    expect(seek).toHaveBeenCalledExactlyOnceWith(expect.closeTo(99.96), false, true);
  });

  it('ends with the player', () => {
    ranges.push([105, 107]);
    control.reset();
    pass(20);
    expect(seek).not.toHaveBeenCalled();
  });
});

describe('two Periods', () => {
  const kinds: Record<string, ReadonlySet<'video' | 'audio'>> = {
    both: new Set(['video', 'audio']),
    two: new Set(['audio', 'video']),
    silent: new Set(['video']),
  };
  const { isProtectionCompatible: share } = samePeriods((id) => kinds[id] ?? new Set())() as {
    isProtectionCompatible: (before: object | null, after: object | null) => boolean;
  };

  it.each([
    ['both', 'two', true],
    ['both', 'silent', false],
    ['silent', 'both', false],
    ['silent', 'silent', true],
  ])('%s and %s share their buffers: %s', (before, after, shared) => {
    expect(share({ id: before }, { id: after })).toBe(shared);
  });
});
