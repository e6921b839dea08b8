/** The mesh at a glance: a row for each channel and each box, from what the tracker tells. */
import { h, icon } from '../page/dom';
import { bits, bytes, count, shortName } from '../panel/numbers';
import type { BoxNews, ChannelNews, TrackNews, WarningNews } from '../session/news';
import { codecName } from '../watch/codecs';
import { words } from '../words';
import { isFull, loadOf } from './picture';

const text = words.status;

export function channelRow(channel: ChannelNews): HTMLElement {
  const { name, title, state, tracks, warnings, boxes, viewers } = channel;
  const sum = tracks.reduce((total, track) => total + track.bitsPerSecond, 0);
  return h(
    'li',
    { class: 'row' },
    h(
      'div',
      { class: 'head' },
      h('h3', {}, h('a', { href: `/watch/${name}` }, title)),
      h('span', { class: `air ${state}` }, h('i'), words.channels.states[state]),
      h('span', { class: 'figure' }, sum > 0 ? bits(sum) : '–'),
      h('span', { class: 'figure' }, words.channels.carriedBy(boxes)),
      ...(viewers === null ? [] : [h('span', { class: 'figure' }, text.viewers(viewers))]),
    ),
    ...(tracks.length > 0 ? [h('ul', { class: 'tracks' }, ...tracks.map(trackItem))] : []),
    ...(warnings.length > 0 ? [h('ul', { class: 'warnings' }, ...warnings.map(warningItem))] : []),
  );
}

const trackItem = ({ id, codecs, bitsPerSecond }: TrackNews): HTMLElement =>
  h('li', {}, h('code', {}, id), ` ${codecName(codecs)} · ${bits(bitsPerSecond)}`);

const warningItem = (warning: WarningNews): HTMLElement =>
  h('li', {}, icon('warning'), h('code', {}, warning.code), h('span', {}, warning.text));

export function boxRow(box: BoxNews): HTMLElement {
  const { uploadBitsPerSecond: upload, sendingBitsPerSecond: sending } = box;
  const load = loadOf(box);
  const used = h('span', { class: isFull(box) ? 'used full' : 'used' });
  // By its own property: the Content-Security-Policy forbids a style attribute.
  used.style.inlineSize = `${Math.round(100 * load)}%`;
  return h(
    'li',
    { class: 'row' },
    h(
      'div',
      { class: 'head' },
      h('h3', { title: box.id }, shortName(box.id)),
      h('span', { class: 'figure' }, text.viewers(box.viewers)),
      h('span', { class: 'figure' }, text.channels(box.channels)),
      h('span', { class: 'figure' }, text.heard(Math.round(box.age / 1000))),
    ),
    h(
      'div',
      { class: 'load', role: 'img', 'aria-label': text.load(bits(sending), bits(upload)) },
      used,
    ),
    h('p', { class: 'caption' }, text.load(bits(sending), bits(upload))),
    h('p', { class: 'caption' }, givenBy(box)),
    ...(box.seeds.length === 0
      ? []
      : [h('p', { class: 'caption fed' }, text.seedOf(box.seeds.join(', ')))]),
    ...(box.why === null ? [] : [h('p', { class: 'why' }, text.notListed(box.why))]),
  );
}

function givenBy({ viewerBytes, neighbourBytes, refused }: BoxNews): string {
  const gave = text.gave(bytes(viewerBytes), bytes(neighbourBytes));
  return refused > 0 ? `${gave} · ${text.refused(count(refused))}` : gave;
}

/** "3 channels on air, 12 boxes, 240 viewers" */
export function summary(channels: readonly ChannelNews[], boxes: readonly BoxNews[]): string {
  const onAir = channels.filter(({ state }) => state !== 'ended').length;
  const viewers = boxes.reduce((total, box) => total + box.viewers, 0);
  return [text.onAir(onAir), text.boxCount(count(boxes.length)), text.viewers(viewers)].join(' · ');
}
