/** The channels as cards. A card is made once and told the news, so that the focus stays where it is. */
import { Cover } from '../page/cover';
import { h, icon, write } from '../page/dom';
import { moment } from '../page/moment';
import { wantsOnlyOrigin } from '../page/preferences';
import { count } from '../panel/numbers';
import type { ChannelNews } from '../session/news';
import { words } from '../words';

const text = words.channels;

class Card {
  readonly #cover = new Cover();
  readonly #state = h('span');
  readonly #air = h('span', { class: 'air' }, h('i'), this.#state);
  readonly #viewers = h('span');
  readonly #watching = h('span', { class: 'watching' }, icon('people'), this.#viewers);
  readonly #title: HTMLAnchorElement;
  readonly #name = h('span', { class: 'name' });
  readonly #since = h('span', { class: 'since' });
  readonly #boxes = h('span', { class: 'boxes' });
  readonly element: HTMLLIElement;

  constructor(name: string) {
    this.#title = h('a', { href: `/watch/${name}` });
    this.element = h(
      'li',
      { class: 'card' },
      h('div', { class: 'above' }, this.#cover.element, this.#air, this.#watching),
      h('h2', {}, this.#title),
      h('p', {}, this.#name, this.#boxes),
      this.#since,
    );
  }

  show(channel: ChannelNews): void {
    const { name, title, state, boxes, viewers, since } = channel;
    for (const element of [this.element, this.#air]) {
      element.classList.toggle('live', state === 'live');
      element.classList.toggle('away', state === 'away');
    }
    write(this.#state, text.states[state]);
    write(this.#title, title);
    write(this.#name, title === name ? '' : name);
    write(this.#viewers, text.watching(count(viewers ?? 0)));
    this.#watching.hidden = viewers === null || state === 'ended';
    write(this.#since, since === null ? '' : text.since(moment(since, Date.now())));
    write(this.#boxes, text.carriedBy(boxes));
    this.#cover.show(state === 'ended' ? null : posterOf(channel, wantsOnlyOrigin()));
  }
}

/** Where a channel's poster is: the tracker leads to a box, which is not for those who want none to see them. */
export function posterOf({ poster, origin }: ChannelNews, onlyOrigin: boolean): string | null {
  if (!poster || !onlyOrigin) return poster;
  try {
    return new URL(poster.replace(/^\/compat\//, ''), origin.replace(/\/?$/, '/')).href;
  } catch {
    return null;
  }
}

export class Cards {
  readonly element = h('ul', { class: 'cards' });
  readonly #cards = new Map<string, Card>();

  show(channels: readonly ChannelNews[]): void {
    const order = inOrder(channels);
    for (const [name, card] of this.#cards) {
      if (order.some((channel) => channel.name === name)) continue;
      card.element.remove();
      this.#cards.delete(name);
    }
    order.forEach((channel, index) => {
      const card = this.#cardOf(channel.name);
      card.show(channel);
      const there = this.element.children[index] ?? null;
      if (there !== card.element) this.element.insertBefore(card.element, there);
    });
  }

  #cardOf(name: string): Card {
    const known = this.#cards.get(name);
    if (known) return known;
    const card = new Card(name);
    this.#cards.set(name, card);
    return card;
  }
}

/** Those on air first, then by name. */
export function inOrder(channels: readonly ChannelNews[]): ChannelNews[] {
  const off = (channel: ChannelNews): number => Number(channel.state === 'ended');
  return [...channels].sort((a, b) => off(a) - off(b) || (a.name < b.name ? -1 : 1));
}
