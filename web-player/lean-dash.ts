/**
 * dash.js without what no channel here has. The package ships bundles with everything in them; in its readable one each
 * module is a function of its own. Those named here are left empty, and what nothing else asks for then is left out.
 */
import type { Plugin } from 'vite';

/** What draws TTML subtitles, with an XML parser and half of Node's library under it. Our manifests name no text. */
const UNUSED: ReadonlySet<string> = new Set(['./node_modules/imsc/src/main/js/main.js']);

const HEAD = /^\/\*\*\*\/ "([^"]+)":/gm;
/** What follows the modules: webpack's own few lines, and the start. */
const END = '/******/ });';
const ASKS = /__webpack_require__\(\/\*! [^*]*\*\/ "([^"]+)"\)/g;
const EMPTY = ' (function () {}),\n';

export function leanDash(): Plugin {
  return {
    name: 'lean-dash',
    transform: {
      filter: { id: /dashjs.*dash\.mediaplayer\.debug\.js$/ },
      handler: (bundle) => ({ code: lean(bundle), map: null }),
    },
  };
}

/** The bundle without them. Where it is not as expected dash.js is another, and the build ends. */
export function lean(bundle: string): string {
  const heads = [...bundle.matchAll(HEAD)];
  const end = bundle.indexOf(END);
  const modules = new Map(
    heads.map((head, index): [string, string] => {
      const from = head.index + head[0].length;
      return [head[1] ?? '', bundle.slice(from, heads[index + 1]?.index ?? end)];
    }),
  );
  for (const name of UNUSED) {
    if (end < 0 || !modules.has(name)) throw new Error(`dash.js has no module ${name}`);
  }
  const kept = new Set<string>();
  const asked = asksFor(bundle.slice(end));
  for (let name = asked.pop(); name !== undefined; name = asked.pop()) {
    if (kept.has(name)) continue;
    kept.add(name);
    if (!UNUSED.has(name)) asked.push(...asksFor(modules.get(name) ?? ''));
  }
  const text = [...modules]
    .filter(([name]) => kept.has(name))
    .map(([name, body]) => `/***/ "${name}":${UNUSED.has(name) ? EMPTY : body}`);
  return bundle.slice(0, heads[0]?.index) + text.join('') + bundle.slice(end);
}

const asksFor = (code: string): string[] => [...code.matchAll(ASKS)].map((found) => found[1] ?? '');
