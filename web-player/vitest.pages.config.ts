import { defineConfig } from 'vitest/config';

/** The tests of the built pages in Chromium: `npm run build`, then `npm run test:pages`. They need ffmpeg. */
export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/pages/**/*.pages.ts'],
    // Most of their time is spent in waiting.
    maxConcurrency: 4,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
