/** Full screen of an element, or of the bare video where a phone allows no other. */

interface PhoneVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
}

export const isFullscreen = (): boolean => document.fullscreenElement !== null;

export function toggleFullscreen(element: HTMLElement, video: PhoneVideo): void {
  const refused = (): void => undefined;
  if (isFullscreen()) document.exitFullscreen().catch(refused);
  else if (document.fullscreenEnabled) element.requestFullscreen().catch(refused);
  else video.webkitEnterFullscreen?.();
}

/** Hides what lies over the video while nobody moves; `idle` is the class that says so. */
export function fadeWhenIdle(element: HTMLElement, afterMs: number): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wake = (): void => {
    element.classList.remove('idle');
    clearTimeout(timer);
    timer = setTimeout(() => {
      element.classList.add('idle');
    }, afterMs);
  };
  for (const event of ['pointermove', 'pointerdown', 'keydown', 'focusin']) {
    element.addEventListener(event, wake);
  }
  wake();
}
