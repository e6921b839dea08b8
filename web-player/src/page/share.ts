/** How another site shows the channel: lines to be copied. */
import { words } from '../words';
import { command } from './copy';
import { h } from './dom';
import { fold } from './fold';

/** A channel's name has no character that would mean something in HTML. */
export const frameOf = (origin: string, channel: string): string =>
  `<iframe src="${origin}/embed/${channel}" title="${channel}" width="640" height="360" ` +
  'allow="autoplay; fullscreen; picture-in-picture" style="border:0"></iframe>';

export const elementOf = (origin: string, channel: string): string =>
  `<script type="module" src="${origin}/mesh-player.js"></script>\n` +
  `<mesh-player channel="${channel}"></mesh-player>`;

export const share = (channel: string): HTMLElement =>
  fold(
    words.share.title,
    h('p', {}, words.share.frame),
    command(frameOf(location.origin, channel)),
    h('p', {}, words.share.element),
    command(elementOf(location.origin, channel)),
  );
