/** The panel: where the video comes from, how it fares, and that it is what the origin sealed. */
import type { Account, Ledger } from '../fetch/ledger';
import type { Place } from '../fetch/standing';
import { copyButton } from '../page/copy';
import { h, write } from '../page/dom';
import type { Diagnostics } from '../watch/diagnostics';
import { words } from '../words';
import { Flow, type Source } from './flow';
import { count, percent, seconds, shortName } from './numbers';
import { report } from './report';
import { Spark } from './series';
import { Speeds } from './speeds';
import { Table } from './table';
import { Verdict } from './verdict';

/** As many hues as there are for boxes in the style sheet. */
const HUES = 6;

export interface Figures {
  readonly ledger: Ledger;
  readonly isBanned: (place: Place) => boolean;
  readonly latency: number | null;
  readonly buffer: number;
  /** Of the picture, in pixels; 0 while there is none. */
  readonly height: number;
  /** Pictures that were not shown, since the page was opened. */
  readonly dropped: number;
  readonly interruptions: readonly { readonly seconds: number }[];
  /** Whether no box is asked, as the viewer wishes. */
  readonly onlyOrigin: boolean;
  /** Whether none can be, as they have http only. */
  readonly boxesNeedHttps: boolean;
  /** Milliseconds, of any clock that only goes forward. */
  readonly now: number;
}

export class Panel {
  readonly element: HTMLElement;
  readonly #flow = new Flow();
  readonly #caption = h('p', { class: 'caption' }, words.panel.nothingYet);
  readonly #remark = h('p', { class: 'remark', role: 'status' });
  readonly #verdict = new Verdict();
  readonly #table = new Table();
  readonly #latency = new Figure(words.panel.latency);
  readonly #buffer = new Figure(words.panel.buffer);
  readonly #picture = new Figure(words.panel.quality);
  readonly #dropped = new Figure(words.panel.dropped);
  readonly #interruptions = h('dd', {}, words.panel.none);
  readonly #speeds = new Speeds();
  readonly #hues = new Map<string, string>();
  #sources: readonly Source[] = [];
  #droppedNow = 0;

  constructor(private readonly diagnostics: () => Diagnostics) {
    const text = words.panel;
    this.element = h(
      'aside',
      { class: 'panel', id: 'details', 'aria-label': text.title },
      h('h2', {}, text.title),
      this.#flow.element,
      this.#caption,
      this.#remark,
      this.#verdict.element,
      h(
        'dl',
        {},
        ...[this.#latency, this.#buffer, this.#picture, this.#dropped].map((one) => one.element),
        h('div', { class: 'wide' }, h('dt', {}, text.interruptions), this.#interruptions),
      ),
      this.#table.element,
      copyButton(text.copyReport, () => this.text()),
    );
  }

  show(figures: Figures): void {
    const { now, latency } = figures;
    this.#sources = this.#sourcesIn(figures);
    const caption = shares(this.#sources);
    write(this.#caption, caption);
    this.#flow.show(this.#sources, caption);
    this.#table.show(this.#sources);
    this.#verdict.show(figures.ledger.appended);
    write(this.#remark, remark(figures));
    const { height } = words.controls;
    this.#latency.show(now, latency, seconds(latency));
    const buffer = latency === null ? null : figures.buffer;
    this.#buffer.show(now, buffer, seconds(buffer));
    const lines = figures.height > 0 ? figures.height : null;
    this.#picture.show(now, lines, lines === null ? '–' : height(lines));
    this.#dropped.show(now, figures.dropped - this.#droppedNow, count(figures.dropped));
    this.#droppedNow = figures.dropped;
    write(this.#interruptions, interruptions(figures.interruptions));
  }

  /** All of it, for a report. */
  text(): string {
    return report({
      page: location.href,
      browser: navigator.userAgent,
      at: new Date(),
      diagnostics: this.diagnostics(),
      sources: this.#sources,
      dropped: this.#droppedNow,
      graphs: {
        'behind live (s)': this.#latency.values,
        'buffer (s)': this.#buffer.values,
        'height (px)': this.#picture.values,
        'dropped in half a second': this.#dropped.values,
      },
      remark: this.#remark.textContent,
    });
  }

  /** Boxes in the order in which they were met, the origin last. */
  #sourcesIn({ ledger, isBanned, now }: Figures): Source[] {
    const accounts = ledger.accounts();
    const last = (account: Account): number => Number(account.place.kind === 'origin');
    return [...accounts]
      .sort((a, b) => last(a) - last(b))
      .map(({ place, bytes, refused }) => ({
        id: place.name,
        name: place.kind === 'box' ? shortName(place.name) : words.panel.origin,
        hue: this.#hueOf(place),
        bytes,
        refused,
        speed: this.#speeds.note(place.name, now, bytes),
        banned: isBanned(place),
      }));
  }

  #hueOf({ kind, name }: Place): string {
    if (kind === 'origin') return 'origin';
    const known = this.#hues.get(name);
    if (known) return known;
    const hue = `box-${this.#hues.size % HUES}`;
    this.#hues.set(name, hue);
    return hue;
  }
}

/** A number, and how it went in the last minute. */
class Figure {
  readonly #value = h('dd', {}, '–');
  readonly #spark = new Spark();
  readonly element: HTMLElement;

  constructor(name: string) {
    const title = words.panel.lastMinute(name);
    this.element = h('div', { title }, h('dt', {}, name), this.#value);
    this.#value.after(this.#spark.element);
  }

  get values(): readonly number[] {
    return this.#spark.series.values;
  }

  show(now: number, value: number | null, text: string): void {
    write(this.#value, text);
    this.#spark.show(now, value);
  }
}

function shares(sources: readonly Source[]): string {
  const sum = (some: readonly Source[]): number =>
    some.reduce((total, source) => total + source.bytes, 0);
  const whole = sum(sources);
  if (whole === 0) return words.panel.nothingYet;
  const boxes = sum(sources.filter((source) => source.hue !== 'origin'));
  return words.panel.shares(percent(boxes, whole), percent(whole - boxes, whole));
}

function remark({ onlyOrigin, boxesNeedHttps }: Figures): string {
  if (onlyOrigin) return words.panel.onlyOrigin;
  return boxesNeedHttps ? words.panel.boxesNeedHttps : '';
}

function interruptions(list: readonly { readonly seconds: number }[]): string {
  if (list.length === 0) return words.panel.none;
  const total = list.reduce((whole, { seconds: one }) => whole + one, 0);
  return `${count(list.length)} · ${seconds(total)}`;
}
