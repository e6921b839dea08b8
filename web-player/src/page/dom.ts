/** Elements, made short. */

type Attributes = Readonly<Record<string, string | boolean>>;
const SVG = 'http://www.w3.org/2000/svg';

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/** The same for a part of a picture. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Node[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

function set(element: Element, attributes: Attributes): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false) element.setAttribute(name, value);
  }
}

/** Changes a text only when it is another, so that nothing is announced or laid out again. */
export function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

const ICONS = {
  play: '<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>',
  pause: '<path d="M7 5h3.5v14H7zM13.500 5H17v14h-3.500z" fill="currentColor"/>',
  sound:
    '<path d="M4 9.500v5h3.500L12 18.500v-13L7.500 9.500z" fill="currentColor"/><path d="M15 9.200a4 4 0 0 1 0 5.600M17.600 6.600a7.600 7.600 0 0 1 0 10.800"/>',
  muted:
    '<path d="M4 9.500v5h3.500L12 18.500v-13L7.500 9.500z" fill="currentColor"/><path d="m15.500 9.500 5 5m0-5-5 5"/>',
  details: '<path d="M5 19v-6m4.700 6V5m4.700 14V9.500M19 19v-9"/>',
  expand: '<path d="M4.500 9V4.500H9M15 4.500h4.500V9M19.500 15v4.500H15M9 19.500H4.500V15"/>',
  shrink: '<path d="M9 4.500V9H4.500M19.500 9H15V4.500M15 19.500V15h4.500M4.500 15H9v4.500"/>',
  shield:
    '<path d="M12 3.500 5 6v5.500c0 4.200 2.900 7.400 7 9 4.100-1.600 7-4.800 7-9V6z"/><path d="m9 11.800 2.200 2.200 4-4.200"/>',
  warning: '<path d="M12 4.500 3.500 19h17z"/><path d="M12 10.500v3.800m0 2.100v.1"/>',
  antenna:
    '<path d="M12 12v8M8.500 15.500a5 5 0 0 1 0-7M15.500 8.500a5 5 0 0 1 0 7M5.700 18.300a9 9 0 0 1 0-12.600M18.300 5.700a9 9 0 0 1 0 12.600"/><circle cx="12" cy="12" r="1.600" fill="currentColor"/>',
  copy: '<path d="M9 9h10.500v10.500H9z"/><path d="M5.500 15H4.500V4.500H15v1"/>',
  people:
    '<circle cx="12" cy="8.500" r="3.500"/><path d="M5 19.500c.5-4 3.300-5.700 7-5.700s6.500 1.700 7 5.700"/>',
  picture:
    '<path d="M4 5.500h16v13H4z"/><path d="M12.500 12H18v4.500h-5.500z" fill="currentColor"/>',
  help: '<path d="M9 9.200a3 3 0 1 1 4.600 2.500c-1.100.7-1.600 1.300-1.600 2.500m0 3.300v.1"/>',
  arrow: '<path d="M5 12h13m-5-5.500 5.500 5.500-5.500 5.500"/>',
} as const;

export type Icon = keyof typeof ICONS;

/** An icon, which says nothing to a screen reader. */
export function icon(name: Icon): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  set(svg, { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true', focusable: 'false' });
  svg.innerHTML = ICONS[name];
  return svg;
}

/** The mark: four boxes that know each other. */
export function mark(): SVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  set(svg, { class: 'mark', viewBox: '0 0 32 32', 'aria-hidden': 'true', focusable: 'false' });
  svg.innerHTML =
    '<path d="M9 9h14v14H9zM9 9l14 14M23 9 9 23" class="mesh"/>' +
    '<path d="M4.500 4.500h9v9h-9zM18.500 4.500h9v9h-9zM4.500 18.500h9v9h-9z" class="box"/>' +
    '<path d="M18.500 18.500h9v9h-9z" class="lit"/>';
  return svg;
}
