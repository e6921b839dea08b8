/** Moments and counts as people of the page's language write them. */
import { language } from '../words';

const DAY_MS = 86_400_000;

/** "14:05" today, else "3 May, 14:05" */
export function moment(at: number, now: number): string {
  const today = now - at < DAY_MS && new Date(at).getDate() === new Date(now).getDate();
  const day = today ? {} : ({ day: 'numeric', month: 'short' } as const);
  return new Intl.DateTimeFormat(language, {
    ...day,
    hour: 'numeric',
    minute: '2-digit',
    hourCycle: 'h23',
  }).format(at);
}
