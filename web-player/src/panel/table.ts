/** Each source in a row: what the picture shows, in numbers. */
import { h, write } from '../page/dom';
import { words } from '../words';
import type { Source } from './flow';
import { bits, bytes, count, percent } from './numbers';

interface Row {
  readonly line: HTMLTableRowElement;
  readonly cells: readonly HTMLElement[];
  readonly note: HTMLElement;
  readonly noteLine: HTMLTableRowElement;
}

const COLUMNS = 5;

export class Table {
  readonly #body = h('tbody');
  readonly #rows = new Map<string, Row>();
  readonly element: HTMLTableElement;

  constructor() {
    const text = words.panel;
    const head = [text.source, text.received, text.speed, text.share, text.refused];
    this.element = h(
      'table',
      { hidden: true },
      h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
      this.#body,
    );
  }

  /** The order is that of the sources; who came to the end stays there. */
  show(sources: readonly Source[]): void {
    this.element.hidden = sources.length === 0;
    const whole = sources.reduce((sum, source) => sum + source.bytes, 0);
    sources.forEach((source, index) => {
      const { line, cells, note, noteLine } = this.#rowOf(source);
      const figures = [
        bytes(source.bytes),
        bits(source.speed),
        percent(source.bytes, whole),
        count(source.refused),
      ];
      figures.forEach((figure, column) => {
        const cell = cells[column];
        if (cell) write(cell, figure);
      });
      const altered = source.refused > 0 ? words.panel.altered : '';
      write(note, source.banned ? words.panel.leftOut : altered);
      noteLine.hidden = note.textContent === '';
      line.classList.toggle('refused', source.refused > 0);
      line.classList.toggle('banned', source.banned);
      const there = this.#body.children[2 * index] ?? null;
      if (there !== line) {
        this.#body.insertBefore(line, there);
        line.after(noteLine);
      }
    });
  }

  #rowOf(source: Source): Row {
    const known = this.#rows.get(source.id);
    if (known) return known;
    const cells = Array.from({ length: COLUMNS - 1 }, () => h('td'));
    const note = h('td', { colspan: String(COLUMNS) });
    const dot = h('i', { class: `dot ${source.hue}`, 'aria-hidden': 'true' });
    const name = h('th', { scope: 'row', title: source.id }, dot, h('span', {}, source.name));
    const row = {
      line: h('tr', {}, name, ...cells),
      cells,
      note,
      noteLine: h('tr', { class: 'note', hidden: true }, note),
    };
    this.#rows.set(source.id, row);
    return row;
  }
}
