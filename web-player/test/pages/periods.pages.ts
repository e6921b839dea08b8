// One epoch after another, live, in a real browser: the player goes on across them by itself.
import { afterAll, describe, expect, it } from 'vitest';

import { type Recipe, clip } from './clips';
import { type Sight, Viewer, launch } from './viewer';
import { type Script, World } from './world';

const SECONDS = 80;
/** A browser on a busy machine begins when it can. */
const START = 20;
const LIMIT = 50;
const BOTH: Recipe = { heights: [180], sound: true, seconds: SECONDS };
const HIGHER: Recipe = { ...BOTH, heights: [360] };
const OTHER_CODECS: Recipe = { ...BOTH, codecs: 'vp9-opus' };
const SILENT: Recipe = { ...BOTH, sound: false };
const SOUND: Recipe = { ...BOTH, heights: [] };
const LADDER: Recipe = { ...BOTH, heights: [360, 180], bitrates: ['1500k', '150k'] };

const WAITING = 'Waiting for the broadcaster…';

/** A new media source takes this long to be filled. */
const NEW_SOURCE_SECONDS = 1;
/** What a picture may stand for beyond what there is not, on a busy machine. */
const SLACK_SECONDS = 0.7;
/** As the manifest suggests, and what a wait for a tenth of a second adds. */
const LATENCY_SECONDS = 7;

/** A page that watches a script which began `ago` seconds earlier. */
async function watching(
  script: Script,
  ago: number,
  test: (viewer: Viewer, world: World) => Promise<void>,
): Promise<void> {
  const world = await World.begin(script, ago);
  const viewer = await Viewer.open(world.url('/watch/demo'));
  try {
    await test(viewer, world);
    expect(viewer.complaints).toEqual([]);
  } finally {
    await viewer.close();
    world.end();
  }
}

/** Plays that act of the script. */
const inAct =
  (world: World, act: number) =>
  ({ page }: Sight): boolean =>
    page.state === 'playing' && page.epoch === world.epoch(act);

/** Is in that state, and says so in those words. */
const says =
  (state: string, words: string) =>
  ({ page, text }: Sight): boolean =>
    page.state === state && text.includes(words);

/** The longest stall, without what there never was to be seen. */
const longestStall = ({ page }: Sight): number =>
  Math.max(0, ...page.stalls.map(({ seconds, skipped }) => seconds - skipped));

afterAll(async () => {
  await (await launch()).close();
});

it('a channel that has only just begun is shown at once', async () => {
  const acts = [{ clip: await clip(BOTH), at: 0 }];
  await watching({ acts }, 3, async (viewer, world) => {
    const sight = await viewer.until('a picture', inAct(world, 0), START);
    expect(sight.position).toBeLessThan(world.startOf(0) + 3);
  });
});

describe.concurrent('the next epoch', () => {
  it('after a reconnect costs as long as there was nothing, other pictures or not', async () => {
    const acts = [
      { clip: await clip(BOTH), at: 0, lasts: 18 },
      { clip: await clip(HIGHER), at: 23 },
    ];
    await watching({ acts }, 12, async (viewer, world) => {
      await viewer.until('the first epoch', inAct(world, 0), START);
      await viewer.until('the second epoch', inAct(world, 1), LIMIT);
      const sight = await viewer.lookAfter(3);
      expect(sight.height).toBe(360);
      expect(longestStall(sight)).toBeLessThan(SLACK_SECONDS);
      expect(sight.page.latency).toBeLessThan(LATENCY_SECONDS);
    });
  });

  it('with other codecs costs nothing when it follows at once', async () => {
    const acts = [
      { clip: await clip(BOTH), at: 0, lasts: 18 },
      { clip: await clip(OTHER_CODECS), at: 18 },
    ];
    await watching({ acts }, 12, async (viewer, world) => {
      await viewer.until('the first epoch', inAct(world, 0), START);
      await viewer.until('the second epoch', inAct(world, 1), LIMIT);
      expect(longestStall(await viewer.lookAfter(3))).toBeLessThan(SLACK_SECONDS);
    });
  });

  it('with more or fewer kinds of tracks takes a moment', async () => {
    const acts = [
      { clip: await clip(SILENT), at: 0, lasts: 18 },
      { clip: await clip(BOTH), at: 18, lasts: 8 },
      { clip: await clip(SOUND), at: 26, lasts: 8 },
      { clip: await clip(BOTH), at: 34 },
    ];
    await watching({ acts }, 12, async (viewer, world) => {
      const silent = await viewer.until('a picture alone', inAct(world, 0), START);
      expect(silent.sound).toBe(0);
      await viewer.until('sound beside it', inAct(world, 1), LIMIT);
      expect((await viewer.lookAfter(2)).sound).toBeGreaterThan(0);
      const alone = (sight: Sight): boolean =>
        inAct(world, 2)(sight) && sight.text.includes('Sound only');
      await viewer.until('sound alone, and a word', alone, LIMIT);
      await viewer.until('a picture again', inAct(world, 3), LIMIT);
      const sight = await viewer.lookAfter(2);
      expect(sight.pictures).toBeGreaterThan(20);
      expect(sight.text).not.toContain('Sound only');
      expect(longestStall(sight)).toBeLessThan(NEW_SOURCE_SECONDS);
    });
  });

  it('is gone into though everything before it is forgotten', async () => {
    const acts = [
      { clip: await clip(BOTH), at: 0, lasts: 18 },
      { clip: await clip(BOTH), at: 34 },
    ];
    await watching({ acts, window: 10, forgetful: true }, 12, async (viewer, world) => {
      await viewer.until('the first epoch', inAct(world, 0), START);
      await viewer.until('the second epoch', inAct(world, 1), LIMIT);
      const sight = await viewer.lookAfter(2);
      expect(longestStall(sight)).toBeLessThan(SLACK_SECONDS);
    });
  });

  it('that cannot be decoded is named, and the one after it is played', async () => {
    const both = await clip(BOTH);
    const odd = both.map((track) =>
      track.id === 'v0' ? { ...track, codecs: 'vvc1.1.L51.CQA' } : track,
    );
    const acts = [
      { clip: both, at: 0, lasts: 18 },
      { clip: odd, at: 18, lasts: 12 },
      { clip: both, at: 30 },
    ];
    await watching({ acts }, 12, async (viewer, world) => {
      await viewer.until('the first epoch', inAct(world, 0), START);
      await viewer.until('the name of the codec', says('error', 'H.266 (VVC)'), LIMIT);
      await viewer.until('the third epoch', inAct(world, 2), LIMIT);
    });
  });
});

describe.concurrent('a publisher who is away', () => {
  it('leaves the last picture and a word to those who watch, and they go on', async () => {
    const acts = [
      { clip: await clip(BOTH), at: 0, lasts: 18 },
      { clip: await clip(BOTH), at: 36 },
    ];
    const states = [
      [19, 'away'],
      [36, 'live'],
    ] as const;
    await watching({ acts, states }, 12, async (viewer, world) => {
      await viewer.until('the first epoch', inAct(world, 0), START);
      const away = await viewer.until('a word', says('away', WAITING), LIMIT);
      expect(away.page.onAir).toBe('away');
      expect(away.height).toBe(180);
      await viewer.until('the second epoch', inAct(world, 1), LIMIT);
      const sight = await viewer.lookAfter(2);
      expect(longestStall(sight)).toBeLessThan(SLACK_SECONDS);
      expect(sight.text).not.toContain(WAITING);
    });
  });

  it('is waited for by those who come meanwhile', async () => {
    const acts = [
      { clip: await clip(BOTH), at: 0, lasts: 18 },
      { clip: await clip(BOTH), at: 34 },
    ];
    const states = [
      [19, 'away'],
      [34, 'live'],
    ] as const;
    await watching({ acts, states }, 30, async (viewer, world) => {
      await viewer.until('a word', says('away', WAITING), LIMIT);
      await viewer.until('the epoch', inAct(world, 1), LIMIT);
    });
  });

  it('and does not come back ends the stream, until it begins again', async () => {
    const acts = [
      { clip: await clip(BOTH), at: 0, lasts: 18 },
      { clip: await clip(BOTH), at: 34 },
    ];
    const states = [
      [19, 'away'],
      [22, 'ended'],
      [34, 'live'],
    ] as const;
    await watching({ acts, states }, 12, async (viewer, world) => {
      await viewer.until('the first epoch', inAct(world, 0), START);
      await viewer.until('a word', says('off-air', 'The stream has ended'), LIMIT);
      await viewer.until('the second epoch', inAct(world, 1), LIMIT);
      expect(longestStall(await viewer.lookAfter(2))).toBeLessThan(SLACK_SECONDS);
    });
  });
});

describe.concurrent('a ladder', () => {
  it('is climbed and left as the line allows, without a stall', async () => {
    let slowness = 0;
    const script = { acts: [{ clip: await clip(LADDER), at: 0 }], slowness: () => slowness };
    await watching(script, 12, async (viewer) => {
      const high = ({ height }: Sight): boolean => height === 360;
      const low = ({ height }: Sight): boolean => height === 180;
      await viewer.until('the high pictures', high, LIMIT);
      slowness = 6;
      await viewer.until('the low pictures', low, LIMIT);
      slowness = 0;
      const sight = await viewer.until('the high pictures again', high, LIMIT);
      expect(longestStall(sight)).toBeLessThan(SLACK_SECONDS);
    });
  });

  it('is left to the viewer who chooses', async () => {
    await watching({ acts: [{ clip: await clip(LADDER), at: 0 }] }, 12, async (viewer) => {
      await viewer.until('the high pictures', ({ height }) => height === 360, LIMIT);
      await viewer.page.getByLabel('Quality').selectOption('180p');
      const sight = await viewer.until('the low pictures', ({ height }) => height === 180, LIMIT);
      expect(sight.page).toMatchObject({ heights: [360, 180], chosenHeight: 180 });
      expect(longestStall(sight)).toBeLessThan(SLACK_SECONDS);
      await viewer.page.getByLabel('Quality').selectOption('Auto');
      await viewer.until('the high pictures again', ({ height }) => height === 360, LIMIT);
    });
  });
});
