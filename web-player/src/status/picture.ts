/** The mesh as a picture: boxes round the origin, as large as their uplinks, as warm as they are busy, and who feeds whom. */
import { h, svg } from '../page/dom';
import { bits, count, percent, shortName } from '../panel/numbers';
import type { BoxNews, ChannelNews } from '../session/news';
import { words } from '../words';
import { HALF, MOST_DRAWN, type Point, places, reachOf } from './layout';

const text = words.status;
/** A box that sends so much of its uplink has no room left. */
const FULL = 0.9;
const SMALLEST = 7;
const LARGEST = 18;
const MBIT = 1_000_000;

export const loadOf = (box: BoxNews): number =>
  box.uploadBitsPerSecond > 0 ? Math.min(1, box.sendingBitsPerSecond / box.uploadBitsPerSecond) : 0;

export const isFull = (box: BoxNews): boolean => loadOf(box) >= FULL;

/** What viewers got, from boxes and from origins; null before anybody got anything. */
export function sharesOf(
  channels: readonly ChannelNews[],
  boxes: readonly BoxNews[],
): { readonly boxes: number; readonly whole: number } | null {
  const fromBoxes = boxes.reduce((sum, box) => sum + box.viewerBytes, 0);
  const whole = channels.reduce((sum, channel) => sum + channel.originBytes, fromBoxes);
  return whole > 0 ? { boxes: fromBoxes, whole } : null;
}

export class Picture {
  readonly #drawing = svg('svg', {
    class: 'mesh-picture',
    role: 'img',
  });
  readonly #bar = h('div', { class: 'shares', 'aria-hidden': 'true' }, h('span'));
  readonly #caption = h('p', { class: 'caption' });
  readonly #more = h('p', { class: 'caption' });
  readonly element = h(
    'div',
    { class: 'picture' },
    this.#drawing,
    h('div', { class: 'beside' }, this.#bar, this.#caption, legend(), this.#more),
  );

  show(channels: readonly ChannelNews[], boxes: readonly BoxNews[]): void {
    const origins = new Set(channels.map(({ origin }) => origin).filter((one) => one !== ''));
    const points = new Map(
      places(boxes.length).map((point, index) => [boxes[index]?.id ?? '', point]),
    );
    const said = text.pictureText(text.boxCount(count(boxes.length)), text.origins(origins.size));
    this.#drawing.setAttribute('aria-label', said);
    const reach = reachOf(boxes.length);
    const corner = HALF - reach;
    this.#drawing.setAttribute('viewBox', `${corner} ${corner} ${2 * reach} ${2 * reach}`);
    const lines = boxes.flatMap((box) => linesTo(box, points));
    const nodes = boxes.flatMap((box) => nodeOf(box, points.get(box.id)));
    this.#drawing.replaceChildren(...lines, ...(origins.size > 0 ? [middle()] : []), ...nodes);
    this.#showShares(sharesOf(channels, boxes));
    const left = boxes.length - MOST_DRAWN;
    this.#more.textContent = left > 0 ? text.more(text.boxCount(count(left))) : '';
  }

  #showShares(shares: ReturnType<typeof sharesOf>): void {
    const part = this.#bar.firstElementChild as HTMLElement;
    // By its own property: the Content-Security-Policy forbids a style attribute.
    part.style.inlineSize = shares ? `${(100 * shares.boxes) / shares.whole}%` : '0';
    this.#bar.classList.toggle('some', shares !== null);
    this.#caption.textContent = shares
      ? text.shares(
          percent(shares.boxes, shares.whole),
          percent(shares.whole - shares.boxes, shares.whole),
        )
      : text.noShares;
  }
}

/** From each box that feeds this one, and from the origin if that pushes to it. */
function linesTo(box: BoxNews, points: ReadonlyMap<string, Point>): SVGElement[] {
  const to = points.get(box.id);
  if (!to) return [];
  const feeders = box.feeders.flatMap((id) => points.get(id) ?? []);
  const lines = feeders.map((from) => line('feeds', from, to));
  return box.seeds.length > 0 ? [...lines, line('feeds seed', { x: HALF, y: HALF }, to)] : lines;
}

const line = (kind: string, from: Point, to: Point): SVGElement =>
  svg('path', {
    class: kind,
    // Bent a little, so that two that feed one another have two lines.
    d: `M${from.x} ${from.y}Q${bend(from, to)} ${to.x} ${to.y}`,
  });

function bend(a: Point, b: Point): string {
  const [x, y] = [(a.x + b.x) / 2, (a.y + b.y) / 2];
  return `${(x + (b.y - a.y) / 8).toFixed(0)} ${(y - (b.x - a.x) / 8).toFixed(0)}`;
}

function nodeOf(box: BoxNews, at: Point | undefined): SVGElement[] {
  if (!at) return [];
  const upload = box.uploadBitsPerSecond / MBIT;
  const size = Math.min(LARGEST, SMALLEST + 1.5 * Math.sqrt(upload));
  const state = box.why !== null ? 'out' : isFull(box) ? 'busy' : 'idle';
  const load = bits(box.sendingBitsPerSecond);
  const title = svg('title');
  const isSeed = box.seeds.length > 0;
  const said = [
    text.load(load, bits(box.uploadBitsPerSecond)),
    ...(isSeed ? [text.seedOf(box.seeds.join(', '))] : []),
  ];
  title.textContent = `${shortName(box.id)}: ${said.join(' · ')}`;
  const side = (2 * size).toFixed(0);
  const group = svg(
    'g',
    { class: `node ${state}${isSeed ? ' fed' : ''}`, transform: `translate(${at.x} ${at.y})` },
    title,
    svg('rect', {
      x: (-size).toFixed(0),
      y: (-size).toFixed(0),
      width: side,
      height: side,
      rx: '4',
    }),
    label(box.viewers > 0 ? String(box.viewers) : '', '4'),
  );
  return [group];
}

function middle(): SVGElement {
  return svg(
    'g',
    { class: 'node origin', transform: `translate(${HALF} ${HALF})` },
    svg('circle', { r: '20' }),
    label(text.legendOrigin, '36'),
  );
}

function label(words: string, y: string): SVGElement {
  const element = svg('text', { y, 'text-anchor': 'middle' });
  element.textContent = words;
  return element;
}

const legend = (): HTMLElement =>
  h(
    'ul',
    { class: 'legend' },
    ...(
      [
        ['idle', text.legendIdle],
        ['busy', text.legendBusy],
        ['out', text.legendOut],
        ['fed', text.legendSeed],
        ['origin', text.legendOrigin],
      ] as const
    ).map(([kind, name]) => h('li', {}, h('i', { class: kind, 'aria-hidden': 'true' }), name)),
  );
