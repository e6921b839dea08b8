/**
 * `<mesh-player channel="demo">`: the player for another site's page, which gets it by one script tag.
 *
 *   <script type="module" src="https://tracker.example/mesh-player.js"></script>
 *   <mesh-player channel="demo" muted lang="zh-TW" only-origin></mesh-player>
 *
 * It is a frame of the tracker that the script came from: nothing of the site reaches the player, nor the other way round.
 */
const SITE = new URL(import.meta.url).origin;
const CHANNEL = /^[a-z0-9_-]{1,32}$/;
/** What is passed on as it is. */
const FLAGS = ['muted', 'only-origin'] as const;

class MeshPlayer extends HTMLElement {
  static readonly observedAttributes = ['channel', 'lang', ...FLAGS];

  readonly #frame = document.createElement('iframe');

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'closed' });
    const style = new CSSStyleSheet();
    style.replaceSync(
      ':host { display: block; aspect-ratio: 16 / 9; background: #05070a }' +
        ':host([hidden]) { display: none }' +
        'iframe { display: block; width: 100%; height: 100%; border: 0 }',
    );
    root.adoptedStyleSheets = [style];
    this.#frame.allow = 'autoplay; fullscreen; picture-in-picture';
    this.#frame.referrerPolicy = 'no-referrer';
    root.append(this.#frame);
  }

  connectedCallback(): void {
    this.#show();
  }

  attributeChangedCallback(): void {
    if (this.isConnected) this.#show();
  }

  #show(): void {
    const channel = this.getAttribute('channel') ?? '';
    this.#frame.title = channel;
    const src = CHANNEL.test(channel) ? this.#address(channel) : 'about:blank';
    // The same address again would start it over.
    if (this.#frame.src !== src) this.#frame.src = src;
  }

  #address(channel: string): string {
    const url = new URL(`/embed/${channel}`, SITE);
    for (const flag of FLAGS) if (this.hasAttribute(flag)) url.searchParams.set(flag, '');
    const lang = this.getAttribute('lang');
    if (lang) url.searchParams.set('lang', lang);
    return url.href;
  }
}

if (!customElements.get('mesh-player')) customElements.define('mesh-player', MeshPlayer);
