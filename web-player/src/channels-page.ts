/** `/`: the channels, each a card; and, while there is none, how to make one. */
import { Cards } from './channels/cards';
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

const cards = new Cards();
const state = h('p', { class: 'state', role: 'status' }, text.loading);
const empty = h(
  'div',
  { class: 'empty', hidden: true },
  h('h2', {}, text.emptyTitle),
  h('p', {}, text.emptyText),
);

function show(channels: readonly ChannelNews[] | null): void {
  write(state, channels === null ? text.unreachable : '');
  if (channels === null) return;
  empty.hidden = channels.length > 0;
  cards.show(channels);
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
    cards.element,
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
