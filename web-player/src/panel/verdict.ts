/** Whether all that was ever shown was what the origin sealed. */
import type { Ledger } from '../fetch/ledger';
import { h, icon, write } from '../page/dom';
import { words } from '../words';
import { count } from './numbers';

type Kind = 'shield' | 'warning' | 'pending';

export class Verdict {
  readonly #badge = h('span', { class: 'badge' });
  readonly #text = h('p', { class: 'badge-text' });
  readonly element = h('div', { class: 'verdict' }, this.#badge, this.#text);
  #kind: Kind | null = null;

  /** "Verified" stands there only while every chunk that was ever shown was opened. */
  show({ verified, unverified }: Ledger['appended']): void {
    const text = words.panel;
    if (unverified > 0) {
      this.#set('warning', text.unverified, text.unverifiedText);
    } else if (verified > 0) {
      this.#set('shield', text.verified, text.verifiedText(count(verified)));
    } else {
      this.#set('pending', text.verifying, text.verifyingText);
    }
  }

  #set(kind: Kind, name: string, text: string): void {
    write(this.#text, text);
    if (this.#kind === kind) return;
    this.#kind = kind;
    this.#badge.dataset.kind = kind;
    const sign = icon(kind === 'warning' ? 'warning' : 'shield');
    this.#badge.replaceChildren(sign, h('span', {}, name));
  }
}
