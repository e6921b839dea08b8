// The pages are light: all of their scripts together, as they travel.
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { expect, it } from 'vitest';

const ASSETS = new URL('../../dist/', import.meta.url);
const BUDGET_BYTES = 250_000;

it('all scripts of all pages are less than 250 kB, compressed', async () => {
  const files = await readdir(fileURLToPath(ASSETS), { recursive: true });
  const scripts = files.filter((name) => name.endsWith('.js'));
  const sizes = await Promise.all(
    scripts.map(async (name) => gzipSync(await readFile(new URL(name, ASSETS))).length),
  );
  const sum = sizes.reduce((total, size) => total + size, 0);
  expect(scripts.length).toBeGreaterThan(3);
  expect(sum).toBeLessThan(BUDGET_BYTES);
});
