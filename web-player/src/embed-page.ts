/** `/embed/{channel}`: the player alone, as large as the frame that it is in. */
import { wantsOnlyOrigin } from './page/preferences';
import { Theatre, nothing } from './page/theatre';
import { channelIn } from './session/session';
import './styles/base.css';
import './styles/watch.css';
import { words } from './words';

const channel = channelIn(location.pathname);
const asked = new URLSearchParams(location.search);
document.body.classList.add('embed');
if (channel === null) {
  document.body.prepend(nothing(words.stage.badName));
} else {
  document.title = `${channel} · ${words.brand}`;
  const theatre = new Theatre({
    channel,
    muted: asked.has('muted'),
    onlyOrigin: asked.has('only-origin') || wantsOnlyOrigin(),
    ownPage: `/watch/${channel}`,
  });
  theatre.element.classList.add('bare');
  const main = document.createElement('main');
  main.append(theatre.element);
  document.body.prepend(main);
  theatre.start(() => undefined);
}
