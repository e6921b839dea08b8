// Who is dead, silent or slow costs a moment of patience, never a timeout.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { type Attempt, Beaten, Hanging, type Heard, race } from '../src/fetch/race';

const PATIENCE = { silenceMs: 500, slowMs: 2_000, hangingMs: 4_000 };

/** An attempt that the test leads. */
class Led {
  started = false;
  ended: unknown = null;
  heard: Heard = () => undefined;
  succeed: (value: string) => void = () => undefined;
  fail: (why: Error) => void = () => undefined;

  readonly attempt: Attempt<string> = (signal, heard) => {
    this.started = true;
    this.heard = heard;
    return new Promise((resolve, reject) => {
      this.succeed = resolve;
      this.fail = reject;
      signal.addEventListener('abort', () => {
        this.ended = signal.reason;
        reject(signal.reason as Error);
      });
    });
  };
}

const forever = new AbortController().signal;
let a: Led, b: Led, c: Led, d: Led;
const run = (signal = new AbortController().signal): Promise<string> =>
  race([a.attempt, b.attempt, c.attempt], PATIENCE, signal);

beforeEach(() => {
  vi.useFakeTimers();
  [a, b, c, d] = [new Led(), new Led(), new Led(), new Led()];
});
afterEach(() => {
  vi.useRealTimers();
});

describe('who answers', () => {
  it('is asked alone, and nobody else', async () => {
    const won = run();
    await vi.advanceTimersByTimeAsync(499);
    a.succeed('a');
    expect(await won).toBe('a');
    await vi.advanceTimersByTimeAsync(60_000);
    expect([b.started, c.started]).toEqual([false, false]);
  });

  it('may take long, as long as it goes on and is not slow', async () => {
    const won = run();
    for (let ms = 0; ms < 1_800; ms += 450) {
      await vi.advanceTimersByTimeAsync(450);
      a.heard(1, null);
    }
    expect(b.started).toBe(false);
    a.succeed('a');
    expect(await won).toBe('a');
  });
});

describe('the next is asked', () => {
  it('at once when one fails', async () => {
    const won = run();
    a.fail(new Error('refused'));
    await vi.advanceTimersByTimeAsync(0);
    expect(b.started).toBe(true);
    b.succeed('b');
    expect(await won).toBe('b');
  });

  it('when one is silent, and whoever is first ends the other', async () => {
    const won = run();
    await vi.advanceTimersByTimeAsync(500);
    expect(b.started).toBe(true);
    b.succeed('b');
    expect(await won).toBe('b');
    expect(a.ended).toMatchObject({ late: true });
    expect(a.ended).toBeInstanceOf(Beaten);
  });

  it('when one is silent in the middle', async () => {
    void run();
    await vi.advanceTimersByTimeAsync(400);
    a.heard(1, null);
    await vi.advanceTimersByTimeAsync(400);
    expect(b.started).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(b.started).toBe(true);
  });

  it('when one is slow, but then no third beside both', async () => {
    const won = run();
    for (let ms = 0; ms < 3_900; ms += 100) {
      await vi.advanceTimersByTimeAsync(100);
      a.heard(2 * ms, null);
      b.heard(ms, null);
    }
    expect([b.started, c.started, a.ended, b.ended]).toEqual([true, false, null, null]);
    for (let ms = 3_900; ms < 8_000; ms += 100) {
      await vi.advanceTimersByTimeAsync(100);
      a.heard(2 * ms, null);
      c.heard(ms, null);
    }
    expect(c.started).toBe(true);
    expect(b.ended).toMatchObject({ late: true });
    expect([a.ended, c.ended]).toEqual([null, null]);
    a.succeed('a');
    expect(await won).toBe('a');
  });

  it('not while the rest will be here soon', async () => {
    void run();
    for (let ms = 0; ms < 2_900; ms += 100) {
      await vi.advanceTimersByTimeAsync(100);
      a.heard(Math.min(ms, 2_500), 2_600);
    }
    expect(b.started).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(b.started).toBe(true);
  });

  it('who is known to be fast, when two are late', async () => {
    void race([a.attempt, b.attempt, c.attempt, d.attempt], PATIENCE, forever, {
      index: 3,
      dueMs: () => Infinity,
    });
    await vi.advanceTimersByTimeAsync(500);
    expect([b.started, c.started, d.started]).toEqual([true, false, false]);
    await vi.advanceTimersByTimeAsync(500);
    expect([c.started, d.started]).toEqual([false, true]);
    b.fail(new Error('refused'));
    await vi.advanceTimersByTimeAsync(0);
    expect(c.started).toBe(true);
  });

  it('who is known to be fast, when one is late and there is a hurry', async () => {
    void race([a.attempt, b.attempt, c.attempt], PATIENCE, forever, {
      index: 2,
      dueMs: () => 3_900,
    });
    await vi.advanceTimersByTimeAsync(500);
    expect([b.started, c.started]).toEqual([false, true]);
  });

  it('who is known to be fast, when one fails and the picture is about to stand', async () => {
    void race([a.attempt, b.attempt, c.attempt], PATIENCE, forever, {
      index: 2,
      dueMs: () => 1_900,
    });
    expect([a.started, c.started]).toEqual([true, false]);
    a.fail(new Error('refused'));
    await vi.advanceTimersByTimeAsync(0);
    expect([b.started, c.started]).toEqual([false, true]);
  });

  it('sooner, the sooner the picture stands', async () => {
    void race([a.attempt, b.attempt], PATIENCE, forever, { index: 1, dueMs: () => 1_800 });
    for (let ms = 0; ms < 800; ms += 100) {
      await vi.advanceTimersByTimeAsync(100);
      a.heard(ms, null);
    }
    expect(b.started).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(b.started).toBe(true);
  });

  it('one after another when all are silent', async () => {
    void run();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([b.started, c.started]).toEqual([true, true]);
  });
});

describe('the end', () => {
  it('of one that hangs is a failure of its own', async () => {
    const lost = race([a.attempt], PATIENCE, new AbortController().signal);
    const seen = expect(lost).rejects.toBeInstanceOf(Hanging);
    await vi.advanceTimersByTimeAsync(4_000);
    await seen;
  });

  it('is the last failure when all failed', async () => {
    const lost = expect(run()).rejects.toThrow('c');
    for (const [led, name] of [
      [a, 'a'],
      [b, 'b'],
      [c, 'c'],
    ] as const) {
      led.fail(new Error(name));
      await vi.advanceTimersByTimeAsync(0);
    }
    await lost;
  });

  it('comes at once when nobody is there to ask', async () => {
    await expect(race([], PATIENCE, new AbortController().signal)).rejects.toThrow('nobody');
  });

  it('is for all of them when the player wants no more', async () => {
    const control = new AbortController();
    const lost = expect(run(control.signal)).rejects.toThrow('enough');
    await vi.advanceTimersByTimeAsync(600);
    control.abort(new Error('enough'));
    await lost;
    expect([a.ended, b.ended]).toEqual([control.signal.reason, control.signal.reason]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(c.started).toBe(false);
  });
});
