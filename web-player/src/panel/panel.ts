/** The panel: where the video comes from, and that it is what the origin sealed. */
import type { Account, Ledger } from '../fetch/ledger';
import type { Place } from '../fetch/standing';
import { h, icon, write } from '../page/dom';
import { words } from '../words';
import { bytes, count, percent, seconds, shortName } from './numbers';

/** As many hues as there are for boxes in the style sheet. */
const HUES = 6;

export interface Figures {
  readonly ledger: Ledger;
  readonly isBanned: (place: Place) => boolean;
  readonly latency: number | null;
  readonly buffer: number;
  /** Of the picture, in pixels; 0 while there is none. */
  readonly height: number;
  readonly interruptions: readonly { readonly seconds: number }[];
}

interface Row {
  readonly line: HTMLTableRowElement;
  readonly received: HTMLElement;
  readonly share: HTMLElement;
  readonly refused: HTMLElement;
  readonly note: HTMLElement;
  readonly noteLine: HTMLTableRowElement;
  readonly slice: HTMLElement;
}

export class Panel {
  readonly element: HTMLElement;
  readonly #badge = h('span', { class: 'badge' });
  readonly #badgeText = h('p', { class: 'badge-text' });
  readonly #bar = h('div', { class: 'shares', 'aria-hidden': 'true' });
  readonly #caption = h('p', { class: 'caption' }, words.panel.nothingYet);
  readonly #table = h('table', { hidden: true });
  readonly #body = h('tbody');
  readonly #latency = h('dd', {}, '–');
  readonly #buffer = h('dd', {}, '–');
  readonly #picture = h('dd', {}, '–');
  readonly #interruptions = h('dd', {}, words.panel.none);
  readonly #rows = new Map<string, Row>();
  #badgeKind = '';
  #boxes = 0;

  constructor() {
    const text = words.panel;
    const head = [text.source, text.received, text.share, text.refused];
    // The only thing that grows stands last, so that it pushes nothing else.
    this.#table.append(
      h('thead', {}, h('tr', {}, ...head.map((name) => h('th', { scope: 'col' }, name)))),
      this.#body,
    );
    this.element = h(
      'aside',
      { class: 'panel', id: 'details', 'aria-label': text.title },
      h('h2', {}, text.title),
      this.#bar,
      this.#caption,
      h('div', { class: 'verdict' }, this.#badge, this.#badgeText),
      h(
        'dl',
        {},
        ...figure(text.latency, this.#latency),
        ...figure(text.buffer, this.#buffer),
        ...figure(text.picture, this.#picture),
        ...figure(text.interruptions, this.#interruptions),
      ),
      this.#table,
    );
  }

  show(figures: Figures): void {
    const accounts = figures.ledger.accounts();
    const whole = sum(accounts);
    for (const account of accounts) this.#showRow(account, whole, figures);
    this.#showShares(accounts, whole);
    this.#showVerdict(figures.ledger.appended);
    write(this.#latency, seconds(figures.latency));
    write(this.#buffer, seconds(figures.latency === null ? null : figures.buffer));
    write(this.#picture, figures.height > 0 ? words.controls.height(figures.height) : '–');
    write(this.#interruptions, interruptions(figures.interruptions));
  }

  #showRow(account: Account, whole: number, figures: Figures): void {
    const row = this.#rowOf(account.place);
    const banned = figures.isBanned(account.place);
    write(row.received, bytes(account.bytes));
    write(row.share, percent(account.bytes, whole));
    write(row.refused, count(account.refused));
    const altered = account.refused > 0 ? words.panel.altered : '';
    const note = banned ? words.panel.leftOut : altered;
    write(row.note, note);
    row.noteLine.hidden = note === '';
    row.line.classList.toggle('banned', banned);
    row.line.classList.toggle('refused', account.refused > 0);
    row.slice.style.flexGrow = String(account.bytes);
  }

  #rowOf(place: Place): Row {
    const known = this.#rows.get(place.name);
    if (known) return known;
    const isBox = place.kind === 'box';
    const hue = isBox ? `box-${this.#boxes++ % HUES}` : 'origin';
    const name = isBox ? shortName(place.name) : words.panel.origin;
    const row: Row = {
      line: h('tr'),
      received: h('td'),
      share: h('td'),
      refused: h('td'),
      note: h('td', { colspan: '4' }),
      noteLine: h('tr', { class: 'note', hidden: true }),
      slice: h('span', { class: `slice ${hue}` }),
    };
    const source = h('th', { scope: 'row', title: place.name });
    source.append(h('i', { class: `dot ${hue}`, 'aria-hidden': 'true' }), h('span', {}, name));
    row.line.append(source, row.received, row.share, row.refused);
    row.noteLine.append(row.note);
    // Boxes in the order in which they were met, the origin always last.
    const last = isBox ? this.#body.querySelector('tr[data-origin]') : null;
    if (!isBox) row.line.dataset.origin = '';
    this.#body.insertBefore(row.line, last);
    this.#body.insertBefore(row.noteLine, last);
    this.#table.hidden = false;
    this.#bar.insertBefore(row.slice, isBox ? this.#bar.querySelector('.origin') : null);
    this.#rows.set(place.name, row);
    return row;
  }

  #showShares(accounts: readonly Account[], whole: number): void {
    if (whole === 0) return;
    const boxes = sum(accounts.filter((account) => account.place.kind === 'box'));
    const text = words.panel.shares(percent(boxes, whole), percent(whole - boxes, whole));
    write(this.#caption, text);
  }

  /** "Verified" stands there only while every chunk that was ever shown was opened. */
  #showVerdict({ verified, unverified }: Ledger['appended']): void {
    const text = words.panel;
    if (unverified > 0) {
      this.#setBadge('warning', text.unverified);
      write(this.#badgeText, text.unverifiedText);
    } else if (verified > 0) {
      this.#setBadge('shield', text.verified);
      write(this.#badgeText, text.verifiedText(count(verified)));
    } else {
      this.#setBadge('pending', text.verifying);
      write(this.#badgeText, text.verifyingText);
    }
  }

  #setBadge(kind: 'shield' | 'warning' | 'pending', text: string): void {
    if (this.#badgeKind === kind) return;
    this.#badgeKind = kind;
    this.#badge.dataset.kind = kind;
    this.#badge.replaceChildren(
      icon(kind === 'warning' ? 'warning' : 'shield'),
      h('span', {}, text),
    );
  }
}

const figure = (name: string, value: HTMLElement): HTMLElement[] => [
  h('div', {}, h('dt', {}, name), value),
];

const sum = (accounts: readonly Account[]): number =>
  accounts.reduce((total, account) => total + account.bytes, 0);

function interruptions(list: readonly { readonly seconds: number }[]): string {
  if (list.length === 0) return words.panel.none;
  const total = list.reduce((whole, { seconds: one }) => whole + one, 0);
  return `${count(list.length)} · ${seconds(total)}`;
}
