// The player on another site's page, by the element that makes its frame.
import { type AddressInfo } from 'node:net';
import { createServer } from 'node:http';

import { afterAll, expect, it } from 'vitest';

import { clip } from './clips';
import { launch } from './viewer';
import { World } from './world';

afterAll(async () => {
  await (await launch()).close();
});

it('plays in a frame of its own, as the site wishes, and no other page can be framed', async () => {
  const both = await clip({ heights: [180], sound: true, seconds: 80 });
  const world = await World.begin({ acts: [{ clip: both, at: 0 }] }, 12);
  const site = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(
      `<script type="module" src="${world.url('/mesh-player.js')}"></script>` +
        '<mesh-player channel="demo" muted lang="zh-TW"></mesh-player>' +
        `<iframe src="${world.url('/watch/demo')}"></iframe>`,
    );
  });
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const page = await (await launch()).newPage({ viewport: { width: 800, height: 600 } });
  try {
    // Another name of this machine is another site.
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);
    const frame = await expect
      .poll(() => page.frames().find((one) => one.url().includes('/embed/')) ?? null, {
        timeout: 10_000,
      })
      .not.toBeNull()
      .then(() => page.frames().find((one) => one.url().includes('/embed/'))!);
    expect(new URL(frame.url()).search).toBe('?muted=&lang=zh-TW');
    await frame.waitForFunction(() => window.boxmesh?.state === 'playing', null, {
      timeout: 20_000,
    });
    const seen = await frame.evaluate(() => ({
      lang: document.documentElement.lang,
      muted: document.querySelector('video')?.muted,
    }));
    expect(seen).toEqual({ lang: 'zh-TW', muted: true });
    const size = await page.locator('mesh-player').boundingBox();
    expect(size!.width / size!.height).toBeCloseTo(16 / 9, 1);
    const refused = page.frames().find((one) => one.parentFrame() && one !== frame)!;
    expect(await refused.locator('video').count()).toBe(0);
  } finally {
    await page.close();
    site.closeAllConnections();
    site.close();
    world.end();
  }
});
