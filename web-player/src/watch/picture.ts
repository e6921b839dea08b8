/** What a video element tells of its picture. */

export const isEmpty = (video: HTMLVideoElement): boolean =>
  video.readyState === HTMLMediaElement.HAVE_NOTHING;

export const hasPicture = (video: HTMLVideoElement): boolean =>
  video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;

export const isMoving = (video: HTMLVideoElement): boolean =>
  !video.paused && hasPicture(video) && !video.seeking && video.played.length > 0;

/** Browsers stop silent video in the background, and expect it to go on afterwards. */
export const stoppedByBrowser = (video: HTMLVideoElement): boolean =>
  video.paused && video.muted && document.hidden;

/** Seconds of media ahead of what is shown. */
export function bufferOf({ buffered, currentTime }: HTMLVideoElement): number {
  for (let i = 0; i < buffered.length; i += 1) {
    if (buffered.start(i) - 0.1 <= currentTime && currentTime < buffered.end(i)) {
      return buffered.end(i) - currentTime;
    }
  }
  return 0;
}
