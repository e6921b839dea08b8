/** What this browser remembers for the viewer. A frame on another site may be refused the storage: then nothing is. */

const PREFIX = 'boxmesh.';

export function recall(name: string): string | null {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It holds until the page is left.
  }
}
