/** The channels as cards. A card is made once and told the news, so that the focus stays where it is. */
import { Cover } from '../page/cover';
import { h, write } from '../page/dom';
import type { ChannelNews } from '../session/news';
import { words } from '../words';

const text = words.channels;

class Card {
  readonly #cover = new Cover();
  readonly #state = h('span');
  readonly #air = h('span', { class: 'air' }, h('i'), this.#state);
  readonly #boxes = h('span', { class: 'boxes' });
  readonly element: HTMLLIElement;

  constructor(name: string) {
    this.element = h(
      'li',
      { class: 'card' },
      this.#cover.element,
      h('h2', {}, h('a', { href: `/watch/${name}` }, name)),
      h('p', {}, this.#air, this.#boxes),
    );
  }

  show({ state, boxes, poster }: ChannelNews): void {
    for (const element of [this.element, this.#air]) {
      element.classList.toggle('live', state === 'live');
      element.classList.toggle('away', state === 'away');
    }
    write(this.#state, text.states[state]);
    write(this.#boxes, text.carriedBy(boxes));
    this.#cover.show(state === 'ended' ? null : poster);
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
