/**
 * What of an epoch has begun to be played stays in the manifest until it is played out, and the newest
 * one stays open: for dash.js every change is then one more Period, whoever forgot the others.
 *
 * An origin that was started anew tells of no epoch before its own, and one whose window has passed is
 * told of no more; dash.js would stay for ever in a Period whose end it never learned. A Period that is
 * the last one and has an end, on the other hand, is for dash.js the end of the whole presentation.
 */
import { type Manifest, children, isLow } from './manifest';

/**
 * As far back as dash.js believes that it may stay. Whoever stands behind the window is pulled to its
 * begin by it, wherever that is; a viewer who waits for a broadcaster shall not be.
 */
const TIME_SHIFT = 'PT1H';

/** The MPD for dash.js: that of `manifest`, with the Period `played` of `last` if it lacks it. */
export function splice(manifest: Manifest, last: Document | null, played: string | null): Document {
  const { document } = manifest;
  const mpd = document.documentElement;
  const [first] = children(mpd, 'Period');
  const kept = last && played !== null && first ? periodOf(last, played) : null;
  if (kept && first && !periodOf(document, played ?? '')) {
    const room = startOf(first) - startOf(kept);
    if (room > 0) {
      const copy = document.importNode(kept, true);
      copy.setAttribute('duration', `PT${Math.min(lengthOf(kept), room).toFixed(3)}S`);
      mpd.insertBefore(copy, first);
    }
  }
  mpd.setAttribute('timeShiftBufferDepth', TIME_SHIFT);
  if (!manifest.isFinal) children(mpd, 'Period').at(-1)?.removeAttribute('duration');
  return document;
}

const periodOf = (document: Document, id: string): Element | null =>
  children(document.documentElement, 'Period').find((one) => one.getAttribute('id') === id) ?? null;

/** `Period@start` in seconds; NaN when it is not in the one form that our origins write. */
const startOf = (period: Element): number =>
  Number(/^PT(\d+(?:\.\d+)?)S$/.exec(period.getAttribute('start') ?? '')?.[1] ?? NaN);

/** The seconds from its start to the end of its last segment; no end where it only told of a pace. */
function lengthOf(period: Element): number {
  if (isLow(period)) return Infinity;
  const ends = [...period.getElementsByTagNameNS(period.namespaceURI, 'SegmentTimeline')].map(
    (timeline) => {
      const number = (element: Element, name: string): number =>
        Number(element.getAttribute(name) ?? 0);
      let time = 0;
      for (const run of children(timeline, 'S')) {
        if (run.hasAttribute('t')) time = number(run, 't');
        time += number(run, 'd') * (number(run, 'r') + 1);
      }
      const template = timeline.parentElement;
      const timescale = Number(template?.getAttribute('timescale') ?? 1);
      return (time - Number(template?.getAttribute('presentationTimeOffset') ?? 0)) / timescale;
    },
  );
  return Math.max(0, ...ends);
}
