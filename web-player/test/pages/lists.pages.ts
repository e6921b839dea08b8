// The pages that tell what there is: the channels, and the mesh at a glance.
import { afterAll, expect, it } from 'vitest';

import { clip } from './clips';
import { Viewer, launch } from './viewer';
import { World } from './world';

const PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="9"/>';
const PHONE = { width: 360, height: 740 };

/** A world in which something is on air, and a page of it. */
async function at(
  path: string,
  test: (viewer: Viewer, world: World) => Promise<void>,
): Promise<void> {
  const both = await clip({ heights: [180], sound: true, seconds: 80 });
  const world = await World.begin({ acts: [{ clip: both, at: 0 }] }, 12);
  world.pages.set('/poster/1.jpg', { type: 'image/svg+xml', body: PICTURE });
  const viewer = await Viewer.open(world.url(path));
  try {
    await test(viewer, world);
    // Whatever breaks the Content-Security-Policy is told of there.
    expect(viewer.complaints.filter((line) => !line.includes('404'))).toEqual([]);
  } finally {
    await viewer.close();
    world.end();
  }
}

afterAll(async () => {
  await (await launch()).close();
});

it('a channel’s newest poster is on its card, and nothing jumps when it comes or is missing', async () => {
  await at('/', async ({ page }, world) => {
    const card = page.locator('.card');
    await card.waitFor();
    const before = await card.boundingBox();
    world.more = { poster: '/poster/1.jpg' };
    await card.locator('img[src="/poster/1.jpg"]').waitFor();
    expect(await card.boundingBox()).toEqual(before);

    world.more = { poster: '/poster/2.jpg' };
    await page.waitForResponse((response) => response.url().endsWith('/poster/2.jpg'));
    expect(await card.locator('img').getAttribute('src')).toBe('/poster/1.jpg');

    world.more = { state: 'away', warnings: [{ code: 'keyframe-interval', text: 'too long' }] };
    await card.getByText('Back soon').waitFor();
    expect(await card.boundingBox()).toEqual(before);
    expect(await page.textContent('body')).not.toContain('keyframe-interval');
  });
});

it('the status page tells of channels, what is wrong with them, and boxes', async () => {
  await at('/status', async ({ page }, world) => {
    await page.getByText('The tracker does not answer').waitFor();
    world.more = {
      tracks: [
        { id: 'v0', codecs: 'avc1.64001f', bits_per_second: 3_000_000 },
        { id: 'a0', codecs: 'mp4a.40.2', bits_per_second: 128_000 },
      ],
      warnings: [{ code: 'keyframe-interval', text: 'Keyframes are 10 s apart: set 2 s.' }],
    };
    const box = { http: 'http://192.0.2.1:8090', channels: ['demo'], listed: true, age_ms: 900 };
    const load = { upload_bits_per_second: 20_000_000, sending_bits_per_second: 19_000_000 };
    const boxes = [
      { ...box, ...load, id: 'box-3f2a91c4-7d10-8e5b-9c33-0a4d5e6f7a81', viewers: 5 },
      { ...box, id: 'box-1', listed: false, why: 'it does not answer' },
    ];
    world.pages.set('/api/v1/boxes', { type: 'application/json', body: JSON.stringify({ boxes }) });

    await page.getByText('1 channel on air · 2 boxes · 5 viewers').waitFor();
    const said = (await page.locator('main').innerText()).replaceAll('\n', ' ');
    expect(said).toContain('demo Live 3.1 Mbit/s');
    expect(said).toContain('v0 H.264, avc1.64001f · 3.0 Mbit/s');
    expect(said).toMatch(/keyframe-interval\s+Keyframes are 10 s apart: set 2 s\./);
    expect(said).toContain('sends 19.0 Mbit/s of 20.0 Mbit/s');
    expect(said).toContain('Viewers are not sent here: it does not answer.');

    await page.setViewportSize(PHONE);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    expect(width).toBeLessThanOrEqual(PHONE.width);
  });
});
