import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

import { leanDash } from './lean-dash';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/**
 * `vite build` makes the player. `vite build --mode unverified` makes the negative control of the
 * end-to-end tests: the same player with a verifier that accepts everything. It is never embedded.
 */
export default defineConfig(({ mode }) => ({
  plugins: [leanDash()],
  resolve: {
    alias: {
      '#verifier': here(
        mode === 'unverified' ? 'test/unverified/verifier.ts' : 'src/verify/verifier.ts',
      ),
      // The build without the parts for DRM, Smooth Streaming and reporting, and the one that can be made smaller yet.
      dashjs: here('node_modules/dashjs/dist/modern/esm/dash.mediaplayer.debug.js'),
    },
  },
  build: {
    target: 'es2022',
    // Nothing inline: the pages are served with a Content-Security-Policy of 'self'.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // dash.js is by itself about 750 kB before compression.
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      input: {
        index: here('index.html'),
        watch: here('watch.html'),
        embed: here('embed.html'),
        status: here('status.html'),
        error: here('error.html'),
        'mesh-player': here('src/mesh-player.ts'),
      },
      output: {
        // Other sites name this one.
        entryFileNames: ({ name }) =>
          name === 'mesh-player' ? '[name].js' : 'assets/[name]-[hash].js',
        // By itself, so that a profile tells what it takes.
        codeSplitting: { groups: [{ name: 'verify', test: /\/src\/verify\/|\/@noble\// }] },
      },
    },
  },
  test: { environment: 'node', include: ['test/**/*.test.ts'] },
}));
