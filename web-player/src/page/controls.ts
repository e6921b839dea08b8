/** The row under the video. It says what is pressed, and decides nothing. */
import { words } from '../words';
import { type Icon, h, icon, mark, write } from './dom';
import { canLeave } from './picture-in-picture';

export interface ControlActions {
  readonly togglePlay: () => void;
  readonly toggleMute: () => void;
  readonly setVolume: (volume: number) => void;
  /** Pictures of that height; null for whatever the line allows. */
  readonly choose: (height: number | null) => void;
  readonly goLive: () => void;
  readonly togglePicture: () => void;
  readonly toggleDetails?: () => void;
  readonly showHelp: () => void;
  /** A link to there, in a window of its own. */
  readonly ownPage?: string;
  readonly toggleFullscreen: () => void;
}

export interface ControlState {
  readonly attached: boolean;
  readonly air: 'live' | 'away' | 'offAir';
  readonly paused: boolean;
  readonly muted: boolean;
  readonly volume: number;
  /** Heights of the pictures to choose from. */
  readonly heights: readonly number[];
  readonly chosenHeight: number | null;
  readonly atLive: boolean;
  readonly details: boolean;
  readonly fullscreen: boolean;
  /** Whether the picture has a window of its own. */
  readonly picture: boolean;
}

export class Controls {
  readonly element: HTMLElement;
  readonly #play: HTMLButtonElement;
  readonly #live: HTMLButtonElement;
  readonly #liveText = h('span', {}, words.controls.live);
  readonly #mute: HTMLButtonElement;
  readonly #volume: HTMLInputElement;
  readonly #quality = h('select', {
    class: 'quality',
    'aria-label': words.controls.quality,
    title: words.controls.quality,
    hidden: true,
  });
  readonly #picture: HTMLButtonElement;
  readonly #details: HTMLButtonElement | null = null;
  readonly #fullscreen: HTMLButtonElement;

  constructor(actions: ControlActions) {
    const text = words.controls;
    this.#play = button(actions.togglePlay);
    this.#live = h('button', { type: 'button', class: 'live' }, h('i', {}), this.#liveText);
    this.#live.addEventListener('click', actions.goLive);
    this.#mute = button(actions.toggleMute);
    this.#volume = h('input', {
      type: 'range',
      class: 'volume',
      min: '0',
      max: '1',
      step: '0.05',
      'aria-label': text.volume,
    });
    this.#volume.addEventListener('input', () => {
      actions.setVolume(this.#volume.valueAsNumber);
    });
    this.#quality.addEventListener('change', () => {
      actions.choose(Number(this.#quality.value) || null);
    });
    this.#picture = button(actions.togglePicture);
    this.#picture.classList.add('leave');
    this.#picture.hidden = !canLeave();
    const help = button(actions.showHelp);
    help.classList.add('help');
    show(help, 'help', text.help);
    if (actions.toggleDetails) {
      this.#details = button(actions.toggleDetails);
      this.#details.setAttribute('aria-controls', 'details');
      show(this.#details, 'details', text.details);
    }
    this.#fullscreen = button(actions.toggleFullscreen);
    this.element = h(
      'div',
      { class: 'controls', role: 'group', 'aria-label': text.group },
      this.#play,
      this.#live,
      h('span', { class: 'gap' }),
      this.#mute,
      this.#volume,
      this.#quality,
      help,
      this.#picture,
      ...(this.#details ? [this.#details] : []),
      ...(actions.ownPage === undefined ? [] : [linkTo(actions.ownPage)]),
      this.#fullscreen,
    );
  }

  show(state: ControlState): void {
    const text = words.controls;
    show(this.#play, state.paused ? 'play' : 'pause', state.paused ? text.play : text.pause);
    show(this.#mute, state.muted ? 'muted' : 'sound', state.muted ? text.unmute : text.mute);
    const full = state.fullscreen;
    show(
      this.#fullscreen,
      full ? 'shrink' : 'expand',
      full ? text.leaveFullscreen : text.enterFullscreen,
    );
    show(this.#picture, 'picture', state.picture ? text.leavePicture : text.enterPicture);
    this.#play.disabled = !state.attached;
    this.#live.disabled = !state.attached || state.atLive || state.air !== 'live';
    const behind = state.attached && !state.atLive;
    this.#live.classList.toggle('at', state.attached && !behind && state.air === 'live');
    write(this.#liveText, behind && state.air === 'live' ? text.goLive : text[state.air]);
    this.#details?.setAttribute('aria-expanded', String(state.details));
    const volume = String(state.muted ? 0 : state.volume);
    if (this.#volume.value !== volume) this.#volume.value = volume;
    this.#showQuality(state);
  }

  /** A choice is offered only where there is one. */
  #showQuality({ heights, chosenHeight }: ControlState): void {
    const text = words.controls;
    const values = ['', ...heights.map(String)];
    if (values.join() !== [...this.#quality.options].map(({ value }) => value).join()) {
      this.#quality.replaceChildren(
        h('option', { value: '' }, text.auto),
        ...heights.map((height) => h('option', { value: String(height) }, text.height(height))),
      );
    }
    this.#quality.hidden = heights.length < 2;
    const chosen = heights.find((height) => height === chosenHeight);
    const value = chosen === undefined ? '' : String(chosen);
    if (this.#quality.value !== value) this.#quality.value = value;
  }
}

function button(action: () => void): HTMLButtonElement {
  const element = h('button', { type: 'button' });
  element.addEventListener('click', action);
  return element;
}

function linkTo(page: string): HTMLElement {
  const label = words.brand;
  const address = { href: page, target: '_blank', rel: 'noopener', class: 'own' };
  return h('a', { ...address, 'aria-label': label, title: label }, mark());
}

function show(element: HTMLButtonElement, name: Icon, label: string): void {
  if (element.dataset.icon === name && element.title === label) return;
  if (element.dataset.icon !== name) element.replaceChildren(icon(name));
  element.dataset.icon = name;
  element.setAttribute('aria-label', label);
  element.title = label;
}
