/** `/status`: the mesh at a glance, for those who run it. */
import { http } from './fetch/transport';
import { inOrder } from './channels/cards';
import { h, write } from './page/dom';
import { mount } from './page/header';
import { askForBoxes, askForChannels, keepAsking } from './session/tracker';
import { Picture } from './status/picture';
import { boxRow, channelRow, summary } from './status/rows';
import './styles/base.css';
import './styles/status.css';
import { words } from './words';

const EVERY_MS = 2_000;
/** More boxes than this are counted, and not listed. */
const MOST_BOXES = 500;
const text = words.status;

const state = h('p', { class: 'state', role: 'status' }, text.loading);
const channels = h('ul', { class: 'rows' });
const picture = new Picture();
const boxes = h('ul', { class: 'rows' });

/** Exchanges the rows when something on them changed, and keeps the focus. */
function fill(list: HTMLElement, rows: readonly HTMLElement[], none: string): void {
  const now = rows.length > 0 ? rows : [h('li', { class: 'none' }, none)];
  const same =
    now.length === list.children.length &&
    now.every((row, index) => list.children[index]?.isEqualNode(row));
  if (same) return;
  const focused = document.activeElement?.getAttribute('href');
  const held = list.contains(document.activeElement);
  list.replaceChildren(...now);
  if (held && focused) list.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
}

async function refresh(): Promise<void> {
  const [told, alive] = await Promise.all([
    askForChannels(http).catch(() => null),
    askForBoxes(http).catch(() => null),
  ]);
  if (!told || !alive) {
    write(state, text.unreachable);
    return;
  }
  write(state, summary(told, alive));
  fill(channels, inOrder(told).map(channelRow), text.noChannels);
  const byId = [...alive].sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, MOST_BOXES);
  fill(boxes, byId.map(boxRow), text.noBoxes);
  picture.show(told, byId);
}

mount(
  text.title,
  h(
    'main',
    { class: 'status' },
    h('p', { class: 'lead' }, text.lead),
    state,
    h('section', { 'aria-label': text.picture }, picture.element),
    h('section', {}, h('h2', {}, text.channelsTitle), channels),
    h('section', {}, h('h2', {}, text.boxesTitle), boxes),
  ),
);
keepAsking(refresh, EVERY_MS, new AbortController().signal);
