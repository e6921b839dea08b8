/** What stands at the top of every page. */
import { words } from '../words';
import { h, mark } from './dom';

export const header = (title: string, linksToStatus = true): HTMLElement =>
  h(
    'header',
    { class: 'top' },
    h('a', { class: 'brand', href: '/' }, mark(), h('span', {}, words.brand)),
    h('h1', {}, title),
    ...(linksToStatus ? [h('nav', {}, h('a', { href: '/status' }, words.status.title))] : []),
  );
