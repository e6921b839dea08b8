/** What the page says instead of a picture: pure, from what the tracker says and how the player fares. */
import type { Notice } from '../page/screen';
import type { OnAir } from '../session/session';
import { words } from '../words';
import type { State } from './diagnostics';

export interface Scene {
  readonly channel: string;
  readonly onAir: OnAir;
  /** Whether the tracker answered when it was last asked. */
  readonly reachable: boolean;
  readonly attached: boolean;
  /** Whether a picture moved since the source was attached. */
  readonly started: boolean;
  /** Whether it stands now though it should move. */
  readonly standing: boolean;
  /** Whether it stands because the publisher is away, or came back just now. */
  readonly away: boolean;
  /** Whether the viewer, or the browser in his stead, wants no playback. */
  readonly refusedToStart: boolean;
  /** Whether there ever was a picture on this page. */
  readonly everStarted: boolean;
  /** The codec of the video that this browser cannot decode. */
  readonly undecodable: string | null;
}

export interface Said {
  readonly state: State;
  readonly notice: Notice | null;
  /** In one line, for `window.boxmesh`. */
  readonly message: string;
}

export function say(scene: Scene): Said {
  const { onAir, channel } = scene;
  const text = words.stage;
  const waiting: State = scene.everStarted ? 'waiting' : 'loading';
  if (scene.attached) {
    if (scene.started && !scene.standing) return { state: 'playing', notice: null, message: '' };
    if (!scene.started && scene.refusedToStart) return noticed(waiting, text.pressPlay);
    if (onAir.kind === 'off-air') return noticed('off-air', { ...text.ended, over: true });
    if (scene.away) return noticed('away', { ...text.away, over: true });
    const message = scene.started || scene.everStarted ? text.waiting : text.loading;
    return { state: waiting, notice: null, message };
  }
  switch (onAir.kind) {
    case 'unknown':
      return scene.reachable
        ? { state: 'loading', notice: null, message: text.loading }
        : noticed('loading', text.unreachable);
    case 'missing':
      return noticed('off-air', text.missing(channel));
    case 'off-air':
      return noticed('off-air', scene.everStarted ? text.ended : text.offAir(channel));
    case 'live':
      if (scene.undecodable !== null) return noticed('error', text.undecodable(scene.undecodable));
      if (onAir.keys.length === 0) return noticed('error', text.noKeys(channel));
      if (!scene.reachable) return noticed(waiting, text.unreachable);
      if (onAir.away) return noticed('away', text.away);
      if (!scene.everStarted) return { state: 'loading', notice: null, message: text.loading };
      return noticed('waiting', text.retrying);
  }
}

const noticed = (state: State, notice: Notice): Said => ({
  state,
  notice,
  message: `${notice.title}${notice.title.endsWith('…') ? '' : '.'} ${notice.text}`,
});
