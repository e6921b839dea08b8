/** What stands at the top of every page, and the choice of the language. */
import { LANGUAGES, chooseLanguage, isLanguage, language, words } from '../words';
import { h, mark } from './dom';

/** Puts a page together: its title, what stands at the top, and what it is about. */
export function mount(title: string, main: HTMLElement): void {
  document.title = title ? `${title} · ${words.brand}` : words.brand;
  document.body.prepend(header(title), main);
}

const header = (title: string): HTMLElement =>
  h(
    'header',
    { class: 'top' },
    h('a', { class: 'brand', href: '/' }, mark(), h('span', {}, words.brand)),
    ...(title ? [h('h1', {}, title)] : []),
    h(
      'nav',
      {},
      ...(location.pathname === '/status' ? [] : [h('a', { href: '/status' }, words.status.title)]),
      languages(),
    ),
  );

function languages(): HTMLElement {
  const select = h(
    'select',
    { class: 'languages', 'aria-label': words.language.other },
    ...Object.entries(LANGUAGES).map(([name, table]) =>
      h('option', { value: name, lang: name, selected: name === language }, table.language.name),
    ),
  );
  select.addEventListener('change', () => {
    if (!isLanguage(select.value)) return;
    chooseLanguage(select.value);
    location.reload();
  });
  return select;
}
