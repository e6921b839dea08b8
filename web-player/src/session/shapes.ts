/** JSON from the tracker, read with care: each value is what it should be, or nothing. */

export type Shape = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is Shape =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects of a list, up to `most`. */
export function objects(value: unknown, most: number): Shape[] {
  return Array.isArray(value) ? value.slice(0, most).filter(isObject) : [];
}

/** The texts of a list, up to `most`. */
export function texts(value: unknown, most: number): string[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, most).filter((one): one is string => typeof one === 'string');
}

export const text = (value: unknown, most: number): string =>
  typeof value === 'string' ? value.slice(0, most) : '';

/** A whole number that counts something; 0 for anything else. */
export const count = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) ? Math.max(0, value) : 0;
