/** What a person is shown where there is nothing to be shown: the tracker says which error it is, and why. */
import { h } from './page/dom';
import { mount } from './page/header';
import './styles/base.css';
import './styles/error.css';
import { words } from './words';

const text = words.error;
const told = (name: string): string =>
  document.querySelector<HTMLMetaElement>(`meta[name="error-${name}"]`)?.content ?? '';
const status = told('status');
const title = text.titles[Number(status)] ?? text.other;

mount(
  '',
  h(
    'main',
    { class: 'error' },
    h('p', { class: 'code', 'aria-hidden': 'true' }, status),
    h('h1', { class: 'lead' }, title),
    h('p', { class: 'state' }, `${text.said} `, h('q', { lang: 'en' }, told('text'))),
    h('p', {}, h('a', { class: 'button', href: '/' }, text.back)),
  ),
);
document.title = `${title} · ${words.brand}`;
