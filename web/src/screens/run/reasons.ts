// Texts of the server, for the eye.
import { exactLabel } from '../../base/time';

const INSTANT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** The text with its UTC instants in the viewer's own time. */
export function withLocalTimes(text: string): string {
  return text.replace(INSTANT, (instant) => exactLabel(new Date(instant)));
}
