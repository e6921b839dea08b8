/** Something that opens under its title. */
import { h } from './dom';

export const fold = (title: string, ...content: HTMLElement[]): HTMLDetailsElement =>
  h('details', { class: 'fold' }, h('summary', {}, title), ...content);
