/** The video, and what is said over it when there is no picture. */
import { words } from '../words';
import { h, icon, write } from './dom';

export interface Notice {
  readonly title: string;
  readonly text: string;
  /** Whether the picture stays to be seen behind it. */
  readonly over?: boolean;
}

export class Screen {
  readonly element: HTMLElement;
  readonly video: HTMLVideoElement;
  /** The last picture, shown while the video has none. */
  readonly #still = h('canvas', { class: 'still', hidden: true, 'aria-hidden': 'true' });
  #hasStill = false;
  readonly #spinner = h('div', { class: 'spinner', hidden: true });
  readonly #title = h('p', { class: 'title' });
  readonly #text = h('p', { class: 'text' });
  readonly #notice: HTMLElement;
  readonly #aside = h('p', { class: 'aside', role: 'status' });
  readonly #sound: HTMLButtonElement;

  constructor(channel: string, turnOnSound: () => void) {
    this.video = h('video', {
      playsinline: true,
      disableremoteplayback: true,
      tabindex: '-1',
      'aria-label': words.controls.video(channel),
    });
    this.video.addEventListener('emptied', () => {
      this.#still.hidden = !this.#hasStill;
    });
    this.video.addEventListener('loadeddata', () => {
      this.#still.hidden = true;
      this.#hasStill = false;
    });
    this.#notice = h(
      'div',
      { class: 'notice', role: 'status' },
      h('span', { class: 'sign' }, icon('antenna')),
      this.#title,
      this.#text,
    );
    this.#sound = h(
      'button',
      { type: 'button', class: 'sound', hidden: true },
      icon('muted'),
      h('span', {}, words.controls.sound),
    );
    this.#sound.addEventListener('click', turnOnSound);
    this.element = h(
      'div',
      { class: 'screen' },
      this.video,
      this.#still,
      this.#spinner,
      this.#notice,
      this.#aside,
      this.#sound,
    );
  }

  /** Keeps what is to be seen now, should the video lose it. */
  keepPicture(): void {
    const { video } = this;
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA || video.videoWidth === 0) return;
    [this.#still.width, this.#still.height] = [video.videoWidth, video.videoHeight];
    this.#still.getContext('2d')?.drawImage(video, 0, 0);
    this.#hasStill = true;
  }

  show(state: {
    readonly notice: Notice | null;
    readonly busy: boolean;
    readonly soundOffered: boolean;
    readonly aside: string;
  }): void {
    this.#notice.classList.toggle('shown', state.notice !== null);
    // The words stay while the notice fades.
    if (state.notice) {
      this.#notice.classList.toggle('over', state.notice.over === true);
      write(this.#title, state.notice.title);
      write(this.#text, state.notice.text);
    }
    this.#spinner.hidden = !state.busy || state.notice !== null;
    this.#sound.hidden = !state.soundOffered;
    write(this.#aside, state.aside);
  }
}
