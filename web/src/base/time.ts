// Instants and durations: units, and how an instant reads in the viewer's own time zone.

export const MINUTE_S = 60;
export const HOUR_S = 3600;
export const DAY_S = 86_400;

const two = (value: number): string => String(value).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** "12 Mar", local time. */
export function dayLabel(date: Date): string {
  return `${date.getDate()} ${MONTHS[date.getMonth()] ?? ''}`;
}

/** "Mar 2026", local time. */
export function monthLabel(date: Date): string {
  return `${MONTHS[date.getMonth()] ?? ''} ${date.getFullYear()}`;
}

/** "14:05", local time. */
export function minuteLabel(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** "14:05:09", local time; with milliseconds on demand. */
export function secondLabel(date: Date, milliseconds = false): string {
  const text = `${minuteLabel(date)}:${two(date.getSeconds())}`;
  return milliseconds ? `${text}.${String(date.getMilliseconds()).padStart(3, '0')}` : text;
}

/** "2026-03-12 14:05:09", local time: an exact instant, for titles and tooltips. */
export function exactLabel(date: Date, milliseconds = false): string {
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${secondLabel(date, milliseconds)}`;
}
