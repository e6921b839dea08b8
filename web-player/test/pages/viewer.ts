/** A viewer of the built pages, in a real Chromium. */
import { type Browser, type Page, chromium } from 'playwright-core';

import type { Diagnostics } from '../../src/watch/diagnostics';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--autoplay-policy=no-user-gesture-required',
];

let browser: Promise<Browser> | undefined;

/** One browser for all. */
export function launch(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ARGUMENTS,
  });
  return browser;
}

export interface Sight {
  readonly page: Diagnostics;
  readonly position: number;
  /** Whether there is something to be shown at that position. */
  readonly hasData: boolean;
  readonly height: number;
  readonly pictures: number;
  readonly sound: number;
  readonly text: string;
}

export class Viewer {
  readonly complaints: string[] = [];

  private constructor(readonly page: Page) {
    page.on('console', (message) => this.complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.complaints.push(`page error: ${error.stack ?? ''}`));
  }

  static async open(url: string): Promise<Viewer> {
    const context = await (await launch()).newContext({ viewport: { width: 1280, height: 800 } });
    const viewer = new Viewer(await context.newPage());
    await viewer.page.goto(url, { waitUntil: 'domcontentloaded' });
    return viewer;
  }

  look(): Promise<Sight> {
    return this.page.evaluate(() => {
      const video = document.querySelector('video');
      return {
        page: JSON.parse(JSON.stringify(window.boxmesh)) as Diagnostics,
        position: video?.currentTime ?? 0,
        hasData:
          video !== null &&
          !video.seeking &&
          video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA,
        height: video?.videoHeight ?? 0,
        pictures: video?.getVideoPlaybackQuality().totalVideoFrames ?? 0,
        sound:
          (video as unknown as { webkitAudioDecodedByteCount?: number })
            .webkitAudioDecodedByteCount ?? 0,
        text: document.body.innerText,
      };
    });
  }

  /** The first sight that is wanted. */
  async until(
    what: string,
    wanted: (sight: Sight) => boolean,
    limitSeconds: number,
  ): Promise<Sight> {
    const limit = Date.now() + 1000 * limitSeconds;
    for (;;) {
      const sight = await this.look();
      if (wanted(sight)) return sight;
      if (Date.now() > limit) {
        throw new Error(
          `waited in vain for ${what}: ${JSON.stringify(sight, null, 1)}\n${this.complaints.join('\n')}`,
        );
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  }

  /** What there is to be seen after `seconds` more of the presentation. */
  async lookAfter(seconds: number): Promise<Sight> {
    // While a new source is filled, the position is 0, or that of the begin of the window.
    const { position: from } = await this.until('data', ({ hasData }) => hasData, 10);
    const later = ({ position }: Sight): boolean => position >= from + seconds;
    return await this.until('the picture to go on', later, 2 * seconds + 10);
  }

  async close(): Promise<void> {
    await this.page.context().close();
  }
}
