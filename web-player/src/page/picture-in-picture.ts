/** The picture in a window of its own, over everything else, where the browser has that. */

export const canLeave = (): boolean => document.pictureInPictureEnabled;

export const hasLeft = (video: HTMLVideoElement): boolean =>
  document.pictureInPictureElement === video;

export function togglePicture(video: HTMLVideoElement): void {
  if (!canLeave()) return;
  const done = hasLeft(video) ? document.exitPictureInPicture() : video.requestPictureInPicture();
  // Without a picture there is none to show; the browser says no, and nothing changes.
  Promise.resolve<unknown>(done).catch(() => undefined);
}
