/** What boxes see of a viewer, said plainly, and the switch for whoever does not want that. */
import { words } from '../words';
import { h } from './dom';
import { fold } from './fold';
import { rememberOnlyOrigin, wantsOnlyOrigin } from './preferences';

/** `changed` is told what the viewer chose. */
export function privacy(changed: (onlyOrigin: boolean) => void): HTMLElement {
  const text = words.privacy;
  const box = h('input', { type: 'checkbox', role: 'switch', checked: wantsOnlyOrigin() });
  box.addEventListener('change', () => {
    rememberOnlyOrigin(box.checked);
    changed(box.checked);
  });
  return fold(
    text.title,
    h('p', {}, text.text),
    h('label', { class: 'switch' }, box, h('span', {}, text.switch)),
    h('p', {}, text.origin),
  );
}
