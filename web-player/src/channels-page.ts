/** `/`: the channels, each a card; and, while there is none, how to make one. */
import { Cards } from './channels/cards';
import { help } from './channels/help';
import { http } from './fetch/transport';
import { h, write } from './page/dom';
import { mount } from './page/header';
import { privacy } from './page/privacy';
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

mount(
  text.title,
  h(
    'main',
    { class: 'channels' },
    h('p', { class: 'lead' }, text.lead),
    state,
    cards.element,
    empty,
    help(),
    privacy(() => undefined),
  ),
);
keepAsking(
  async () => {
    show(await askForChannels(http).catch(() => null));
  },
  EVERY_MS,
  new AbortController().signal,
);
