/** `/`: the channels, each a card; and, while there is none, how to make one. */
import { http } from './fetch/transport';
import { h, icon, write } from './page/dom';
import { header } from './page/header';
import type { ChannelNews } from './session/news';
import { askForChannels, keepAsking } from './session/tracker';
import './styles/base.css';
import './styles/channels.css';
import { words } from './words';

const EVERY_MS = 2_000;
const text = words.channels;

const list = h('ul', { class: 'cards' });
const state = h('p', { class: 'state', role: 'status' }, text.loading);
const empty = h(
  'div',
  { class: 'empty', hidden: true },
  h('h2', {}, text.emptyTitle),
  h('p', {}, text.emptyText),
);

function card(channel: ChannelNews): HTMLLIElement {
  const dot = h('span', { class: channel.live ? 'air live' : 'air' }, h('i'), air(channel));
  const link = h('a', { href: `/watch/${channel.name}` }, channel.name);
  return h(
    'li',
    { class: channel.live ? 'card live' : 'card' },
    h('div', { class: 'cover', 'aria-hidden': 'true' }, icon('antenna')),
    h('h2', {}, link),
    h('p', {}, dot, h('span', { class: 'boxes' }, text.carriedBy(channel.boxes))),
  );
}

const air = (channel: ChannelNews): string => (channel.live ? text.live : text.offAir);

/** Live ones first, then by name. */
const inOrder = (channels: readonly ChannelNews[]): ChannelNews[] =>
  [...channels].sort((a, b) => Number(b.live) - Number(a.live) || (a.name < b.name ? -1 : 1));

let shown = '';

function show(channels: readonly ChannelNews[] | null): void {
  write(state, channels === null ? text.unreachable : '');
  if (channels === null) return;
  empty.hidden = channels.length > 0;
  const order = inOrder(channels);
  // Cards are made anew only when something on them changed: the focus stays where it is.
  const now = JSON.stringify(order.map(({ name, live, boxes }) => [name, live, boxes]));
  if (now === shown) return;
  shown = now;
  const focused = document.activeElement?.getAttribute('href');
  list.replaceChildren(...order.map(card));
  if (focused) list.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

function command(line: string): HTMLElement {
  const button = h(
    'button',
    { type: 'button', class: 'copy' },
    icon('copy'),
    h('span', {}, text.copy),
  );
  button.addEventListener('click', () => {
    const code = box.querySelector('code');
    if (code) getSelection()?.selectAllChildren(code);
    // The clipboard is only there in a secure context; the selection helps everywhere.
    const clipboard = navigator.clipboard as Clipboard | undefined;
    void clipboard?.writeText(line).then(() => {
      write(button.lastElementChild ?? button, text.copied);
    });
  });
  const box = h('div', { class: 'command' }, h('code', {}, line), button);
  return box;
}

function help(): HTMLElement {
  const server = `rtmp://${location.hostname}/live`;
  return h(
    'section',
    { class: 'help' },
    h(
      'article',
      {},
      h('h2', {}, text.publishTitle),
      h('p', {}, text.publishText),
      h(
        'dl',
        {},
        h('dt', {}, text.publishServer),
        h('dd', {}, h('code', {}, server)),
        h('dt', {}, text.publishKey),
        h('dd', {}, text.publishKeyHint),
      ),
      h('p', { class: 'hint' }, text.publishNote),
    ),
    h(
      'article',
      {},
      h('h2', {}, text.boxTitle),
      h('p', {}, text.boxText),
      command(`peer-box join ${location.origin}`),
    ),
  );
}

document.body.prepend(
  header(text.title),
  h(
    'main',
    { class: 'channels' },
    h('p', { class: 'lead' }, text.lead),
    state,
    list,
    empty,
    help(),
  ),
);
keepAsking(
  async () => {
    show(await askForChannels(http).catch(() => null));
  },
  EVERY_MS,
  new AbortController().signal,
);
