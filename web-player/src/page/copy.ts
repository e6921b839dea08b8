/** Lines to be copied. */
import { words } from '../words';
import { h, icon, write } from './dom';

const SAID_MS = 2_000;

/** A button that copies what `text` gives, and says so; `source` is selected besides, where it is on the page. */
export function copyButton(
  label: string,
  text: () => string,
  source?: () => Element | null,
): HTMLButtonElement {
  const said = h('span', { 'aria-live': 'polite' }, label);
  const button = h('button', { type: 'button', class: 'copy' }, icon('copy'), said);
  button.addEventListener('click', () => {
    const selected = source?.();
    if (selected) getSelection()?.selectAllChildren(selected);
    void copy(text()).then((done) => {
      if (!done) return;
      write(said, words.channels.copied);
      setTimeout(() => {
        write(said, label);
      }, SAID_MS);
    });
  });
  return button;
}

/** A line in a frame, with its button. */
export function command(line: string): HTMLElement {
  const code = h('code', {}, line);
  return h(
    'div',
    { class: 'command' },
    code,
    copyButton(
      words.channels.copy,
      () => line,
      () => code,
    ),
  );
}

/** The clipboard is only there in a secure context; elsewhere the browser copies what is selected in a field. */
async function copy(text: string): Promise<boolean> {
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (clipboard) {
    return clipboard.writeText(text).then(
      () => true,
      () => false,
    );
  }
  const field = h('textarea', { class: 'unseen', 'aria-hidden': 'true', tabindex: '-1' });
  field.value = text;
  document.body.append(field);
  field.select();
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only way on a page without https
  const done = document.execCommand('copy');
  field.remove();
  return done;
}
