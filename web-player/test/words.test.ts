// The pages say everything in each of their languages.
import { describe, expect, it } from 'vitest';

import { LANGUAGES, languageOf } from '../src/words';

/** Each key with its path, and what stands there; texts that are made, with how many things are put in. */
function keys(table: unknown, path = ''): string[] {
  if (typeof table === 'function') return [`${path} takes ${table.length}`];
  if (typeof table !== 'object' || table === null) return [`${path} ${typeof table}`];
  return Object.entries(table).flatMap(([key, value]) => keys(value, `${path}.${key}`));
}

const texts = (table: unknown): string[] => {
  if (typeof table === 'string') return [table];
  return typeof table === 'object' && table !== null ? Object.values(table).flatMap(texts) : [];
};

describe('the tables', () => {
  it('have the same keys', () => {
    const english = keys(LANGUAGES.en).sort();
    expect(english.length).toBeGreaterThan(100);
    expect(keys(LANGUAGES['zh-TW']).sort()).toEqual(english);
  });

  it('leave nothing empty, and write no simplified characters', () => {
    for (const table of Object.values(LANGUAGES)) expect(texts(table)).not.toContain('');
    expect(texts(LANGUAGES['zh-TW']).join('')).not.toMatch(
      /[频视络节区码从间开关页载这对请选处来过]/,
    );
  });
});

describe('the language', () => {
  it('is the one that was chosen, or the first that the browser prefers and there is', () => {
    expect(languageOf('zh-TW', ['en'])).toBe('zh-TW');
    expect(languageOf('en', ['zh-TW'])).toBe('en');
    expect(languageOf('xx', ['zh-Hant-TW', 'en'])).toBe('zh-TW');
    expect(languageOf(null, ['fr', 'zh-HK'])).toBe('zh-TW');
    expect(languageOf(null, ['de', 'en-GB', 'zh'])).toBe('en');
    expect(languageOf(null, [])).toBe('en');
  });
});
