/** Numbers as people read them; each has a fixed form, so that they do not jump. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** "0 B", "412 kB", "13.2 MB" */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = unit < 2 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit] ?? ''}`;
}

/** "3.2 Mbit/s" */
export function bits(perSecond: number): string {
  if (perSecond < 999_500) return `${Math.round(perSecond / 1_000)} kbit/s`;
  const millions = perSecond / 1_000_000;
  return `${millions.toFixed(millions < 99.95 ? 1 : 0)} Mbit/s`;
}

/** "4.2 s"; a dash for what is not known */
export const seconds = (value: number | null): string =>
  value === null ? '–' : `${Math.max(0, value).toFixed(1)} s`;

/** Whole percents; a little is never shown as nothing, nor almost all as all. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0 %';
  if (part >= whole) return '100 %';
  return `${Math.min(99, Math.max(1, Math.round((100 * part) / whole)))} %`;
}

/** "12 804" */
export const count = (value: number): string =>
  String(value).replace(/\B(?=(?:\d{3})+(?!\d))/g, '\u{202f}');

/** A box's id, short enough for a column: "box-3f2a91c4". */
export const shortName = (name: string): string => name.replace(/^(box-[0-9a-f]{8})-.*$/, '$1');
