/** `/watch/{channel}`: puts the page together and starts it. */
import { http } from './fetch/transport';
import { h, write } from './page/dom';
import { mount } from './page/header';
import { wantsOnlyOrigin } from './page/preferences';
import { privacy } from './page/privacy';
import { share } from './page/share';
import { Theatre, nothing } from './page/theatre';
import { Panel } from './panel/panel';
import { channelIn } from './session/session';
import { askForChannels } from './session/tracker';
import './styles/base.css';
import './styles/panel.css';
import './styles/watch.css';
import { words } from './words';

const PANEL_EVERY_MS = 500;

function page(channel: string): void {
  const panel: Panel = new Panel(() => watch.diagnostics());
  const theatre: Theatre = new Theatre({
    channel,
    muted: false,
    onlyOrigin: wantsOnlyOrigin(),
    toggleDetails: () => {
      panel.element.hidden = !panel.element.hidden;
      theatre.show();
    },
    detailsShown: () => !panel.element.hidden,
  });
  const { watch, video } = theatre;
  const below = h(
    'section',
    { class: 'below' },
    privacy((onlyOrigin) => {
      watch.mesh.onlyOrigin = onlyOrigin;
    }),
    share(channel),
  );
  const stage = h('div', { class: 'stage' }, theatre.element, below);
  mount(channel, h('main', { class: 'watch' }, stage, panel.element));
  void entitle(channel);

  let panelAt = -Infinity;
  theatre.start(() => {
    if (performance.now() - panelAt < PANEL_EVERY_MS) return;
    panelAt = performance.now();
    const { mesh } = watch;
    panel.show({
      ledger: watch.ledger,
      isBanned: (place) => mesh.isBanned(place),
      latency: watch.latency,
      buffer: watch.buffer,
      height: video.videoHeight,
      dropped: video.getVideoPlaybackQuality().droppedVideoFrames,
      interruptions: watch.stalls.list,
      onlyOrigin: mesh.onlyOrigin,
      boxesNeedHttps: mesh.boxesNeedHttps,
      now: performance.now(),
    });
  });
}

/** What the operator calls the channel, once the tracker has said so. */
async function entitle(channel: string): Promise<void> {
  const told = await askForChannels(http).catch(() => null);
  const title = told?.find(({ name }) => name === channel)?.title ?? channel;
  const heading = document.querySelector('h1');
  if (heading) write(heading, title);
  document.title = `${title} · ${words.brand}`;
}

const channel = channelIn(location.pathname);
if (channel === null) mount('', h('main', { class: 'watch' }, nothing(words.stage.badName)));
else page(channel);
