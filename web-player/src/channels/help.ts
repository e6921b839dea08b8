/** How to publish, and how to run a box: for whoever is new here. */
import { command } from '../page/copy';
import { h } from '../page/dom';
import { words } from '../words';

const text = words.channels;

export function help(): HTMLElement {
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
      h('p', {}, text.publishWith),
      command(
        'ffmpeg -re -i video.mp4 -c:v libx264 -preset veryfast -tune zerolatency -g 60 ' +
          `-c:a aac -f flv ${server}/KEY`,
      ),
      h('p', { class: 'hint' }, text.publishNote),
    ),
    h(
      'article',
      {},
      h('h2', {}, text.boxTitle),
      h('p', {}, text.boxText),
      command(`peer-box join ${location.origin}`),
      h('p', { class: 'hint' }, text.boxNote),
    ),
  );
}
