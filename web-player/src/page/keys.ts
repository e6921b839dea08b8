/** What can be done by keyboard, and the help that says so. */
import { words } from '../words';
import { h } from './dom';

export type Deed =
  | 'play'
  | 'back'
  | 'forward'
  | 'louder'
  | 'softer'
  | 'mute'
  | 'fullscreen'
  | 'picture'
  | 'live'
  | 'help';

const KEYS: Readonly<Record<string, Deed>> = {
  ' ': 'play',
  k: 'play',
  arrowleft: 'back',
  arrowright: 'forward',
  arrowup: 'louder',
  arrowdown: 'softer',
  m: 'mute',
  f: 'fullscreen',
  p: 'picture',
  l: 'live',
  '?': 'help',
};

/** These may be held down. */
const REPEATED: ReadonlySet<Deed> = new Set(['back', 'forward', 'louder', 'softer']);

/** The part of a KeyboardEvent that counts. */
export interface Pressed {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly repeat: boolean;
  readonly target: unknown;
}

/** What that key means here; null where it is somebody else's: the browser's, or that of what has the focus. */
export function deedOf(pressed: Pressed): Deed | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return null;
  const deed = KEYS[pressed.key.toLowerCase()] ?? null;
  if (deed === null || (pressed.repeat && !REPEATED.has(deed))) return null;
  const focused = pressed.target instanceof Element ? pressed.target : null;
  if (focused?.closest('input, select, textarea, dialog')) return null;
  return pressed.key === ' ' && focused?.closest('button, a, summary') ? null : deed;
}

export function listenToKeys(deeds: Readonly<Record<Deed, () => void>>): void {
  document.addEventListener('keydown', (event) => {
    const deed = deedOf(event);
    if (deed === null) return;
    event.preventDefault();
    deeds[deed]();
  });
}

/** The help: it opens over the page, and Escape closes it. */
export function helpDialog(): HTMLDialogElement {
  const { names, title, close, space } = words.keys;
  const rows: [string[], string][] = [
    [[space, 'K'], names.play],
    [['←', '→'], names.seek],
    [['↑', '↓'], names.volume],
    [['M'], names.mute],
    [['F'], names.fullscreen],
    [['P'], names.picture],
    [['L'], names.live],
    [['?'], names.help],
  ];
  const button = h('button', { type: 'button', class: 'copy' }, close);
  const dialog = h(
    'dialog',
    { class: 'keys', 'aria-label': title },
    h('h2', {}, title),
    h(
      'dl',
      {},
      ...rows.flatMap(([keys, what]) => [
        h('dt', {}, ...keys.map((key) => h('kbd', {}, key))),
        h('dd', {}, what),
      ]),
    ),
    button,
  );
  button.addEventListener('click', () => {
    dialog.close();
  });
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  return dialog;
}
