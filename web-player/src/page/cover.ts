/**
 * The picture on a channel's card: its newest poster, or a sign where there is none. It is exchanged
 * only by one that has been loaded, so nothing flickers, and it takes the same room in either case.
 */
import { h, icon } from './dom';

export class Cover {
  readonly element = h('div', { class: 'cover', 'aria-hidden': 'true' }, icon('antenna'));
  /** The path that is wanted, whether it could be had or not. */
  #wanted: string | null = null;
  #shown: HTMLImageElement | null = null;

  show(poster: string | null): void {
    if (poster === this.#wanted) return;
    this.#wanted = poster;
    if (poster === null) {
      this.#put(null);
      return;
    }
    const image = h('img', { alt: '', decoding: 'async' });
    image.addEventListener('load', () => {
      if (this.#wanted === poster) this.#put(image);
    });
    // What was shown before stays: the next poster is ten seconds away.
    image.src = poster;
  }

  #put(image: HTMLImageElement | null): void {
    this.#shown?.remove();
    this.#shown = image;
    if (image) this.element.append(image);
  }
}
