// The honest line in a panel's header: how much of the data is drawn, and what could not be.
import { formatCount, formatPlural } from '../base/format';
import type { SeriesLine } from '../data/series';

/** note: quiet. warning: what the reader must know of, "" when nothing. */
export interface Caption {
  readonly note: string;
  readonly warning: string;
}

/**
 * The caption for the visible lines.
 *
 * hidden: samples at or below zero that a log axis has no place for. smoothing: weight, 0 for none.
 */
export function caption(lines: readonly SeriesLine[], smoothing: number, log: boolean, hidden: number): Caption {
  if (lines.length === 0) return { note: '', warning: '' };
  const sum = (of: (line: SeriesLine) => number): number => lines.reduce((total, line) => total + of(line), 0);
  const isReduced = lines.some((line) => line.mode === 'buckets');
  const points = sum((line) => line.points);
  const isWindows = lines.some((line) => line.of === 'windows');
  const all = formatPlural(points, isWindows ? 'window' : 'point');
  const note = [
    isReduced
      ? `${formatCount(sum((line) => line.shown))} of ${all}, min–max shaded`
      : `${all}, ${isWindows ? 'min–max shaded' : 'raw'}`,
  ];
  if (smoothing > 0) note.push(`EMA ${String(smoothing)}${isReduced ? ' of buckets' : ''}`);
  if (log) note.push('log');
  const nan = sum((line) => line.nan);
  const infinite = sum((line) => line.pinf + line.ninf);
  const warning: string[] = [];
  if (nan > 0) warning.push(`${formatCount(nan)} NaN`);
  if (infinite > 0) warning.push(`${formatCount(infinite)} ±∞`);
  if (log && hidden > 0) warning.push(`${formatCount(hidden)} ≤ 0 not drawn`);
  return { note: note.join(' · '), warning: warning.join(' · ') };
}
