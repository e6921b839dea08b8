/** Where the bytes come from, as a picture: each box and the origin at the left, the viewer at the right, lines as thick as shares. */
import { svg, write } from '../page/dom';
import { words } from '../words';
import { bits, percent } from './numbers';

/** More are in the table alone. */
const MOST = 8;
const WIDTH = 320;
const ROW = 44;
const VIEWER_X = 288;
const LINE_FROM = 176;
const THINNEST = 1.5;
const THICKEST = 9;

export interface Source {
  readonly id: string;
  readonly name: string;
  /** The class of its colour. */
  readonly hue: string;
  readonly bytes: number;
  /** Bits per second in the last seconds. */
  readonly speed: number;
  readonly refused: number;
  readonly banned: boolean;
}

interface Drawn {
  readonly group: SVGElement;
  readonly line: SVGElement;
  readonly figures: SVGElement;
  readonly cross: SVGElement;
}

export class Flow {
  readonly element = svg('svg', { class: 'flow', role: 'img' });
  readonly #you = svg('text', { class: 'you', 'text-anchor': 'middle' });
  readonly #viewer = svg(
    'g',
    { class: 'viewer' },
    svg('rect', { x: '-18', y: '-14', width: '36', height: '24', rx: '4' }),
    svg('path', { d: 'M-8 15h16' }),
    svg('path', { class: 'sign', d: 'M-4.500-8v12l10-6z' }),
  );
  readonly #drawn = new Map<string, Drawn>();

  constructor() {
    this.#you.textContent = words.panel.you;
    this.element.append(this.#viewer, this.#you);
    this.#place(1);
  }

  /** The caption says the same in words. */
  show(sources: readonly Source[], caption: string): void {
    const shown = sources.slice(0, MOST);
    const whole = sources.reduce((sum, source) => sum + source.bytes, 0);
    this.#place(Math.max(1, shown.length));
    this.element.setAttribute('aria-label', caption);
    const middle = (ROW * Math.max(1, shown.length)) / 2;
    shown.forEach((source, index) => {
      const drawn = this.#drawnOf(source);
      const y = ROW * (index + 0.5);
      drawn.group.setAttribute('transform', `translate(0 ${y})`);
      const rise = middle - y;
      drawn.line.setAttribute(
        'd',
        `M${LINE_FROM} 0C${LINE_FROM + 60} 0 ${VIEWER_X - 80} ${rise} ${VIEWER_X - 20} ${rise}`,
      );
      const share = whole > 0 ? source.bytes / whole : 0;
      drawn.line.setAttribute(
        'stroke-width',
        (THINNEST + (THICKEST - THINNEST) * share).toFixed(1),
      );
      drawn.group.classList.toggle('flowing', source.speed > 0);
      drawn.group.classList.toggle('banned', source.banned);
      drawn.cross.toggleAttribute('hidden', !source.banned);
      write(drawn.figures, figuresOf(source, whole));
    });
  }

  #place(rows: number): void {
    const height = ROW * rows;
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${Math.max(height, 72)}`);
    this.#viewer.setAttribute('transform', `translate(${VIEWER_X} ${height / 2})`);
    this.#you.setAttribute('x', String(VIEWER_X));
    this.#you.setAttribute('y', String(height / 2 + 32));
  }

  #drawnOf(source: Source): Drawn {
    const known = this.#drawn.get(source.id);
    if (known) return known;
    const line = svg('path', { class: `line ${source.hue}` });
    const figures = svg('text', { x: '26', y: '13', class: 'figures' });
    const name = svg('text', { x: '26', y: '-4', class: 'name' });
    name.textContent = source.name;
    const cross = svg('path', { class: 'cross', d: `M${LINE_FROM + 14} -6l12 12m0 -12l-12 12` });
    const node =
      source.hue === 'origin'
        ? svg('circle', { class: `node ${source.hue}`, cx: '10', cy: '-2', r: '8' })
        : svg('rect', {
            class: `node ${source.hue}`,
            x: '2',
            y: '-10',
            width: '16',
            height: '16',
            rx: '3',
          });
    const group = svg('g', { class: 'source' }, line, node, name, figures, cross);
    this.element.prepend(group);
    const drawn = { group, line, figures, cross };
    this.#drawn.set(source.id, drawn);
    return drawn;
  }
}

function figuresOf({ bytes, speed, refused }: Source, whole: number): string {
  const parts = [percent(bytes, whole), bits(speed)];
  if (refused > 0) parts.push(`${words.panel.refused}: ${refused}`);
  return parts.join(' · ');
}
