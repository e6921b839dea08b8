/** What the pages say, in the language that the viewer chose here, or else the browser's. */
import { recall, remember } from './page/memory';
import { type Words, en } from './words/en';
import { zhTw } from './words/zh-tw';

export const LANGUAGES = { en, 'zh-TW': zhTw } as const;
export type Language = keyof typeof LANGUAGES;

const KEY = 'language';

export const isLanguage = (name: string | null): name is Language =>
  name !== null && Object.hasOwn(LANGUAGES, name);

/** What was chosen; else the first that there is of what the browser prefers; else English. */
export function languageOf(chosen: string | null, preferred: readonly string[]): Language {
  if (isLanguage(chosen)) return chosen;
  for (const name of preferred) {
    // Whoever reads any Chinese is nearer to it than to English.
    if (/^zh\b/i.test(name)) return 'zh-TW';
    if (/^en\b/i.test(name)) return 'en';
  }
  return 'en';
}

/** From now on; the page has to be loaded again. */
export function chooseLanguage(name: Language): void {
  remember(KEY, name);
}

const inPage = typeof document !== 'undefined';

/** Whoever embeds the player may say in which language. */
const asked = inPage ? new URLSearchParams(location.search).get('lang') : null;

export const language = languageOf(
  isLanguage(asked) ? asked : recall(KEY),
  inPage ? navigator.languages : [],
);
if (inPage) document.documentElement.lang = language;

export const words: Words = LANGUAGES[language];
