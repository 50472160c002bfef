// Which values an axis spans. Nothing is ignored: an outlier reaches the axis. What a log scale has no place for is counted.
import type { Range } from '../base/geom';
import { type Curve, lowerBound, upperBound } from './curve';

/** The smallest and largest x over all curves, null without a sample. */
export function xExtent(curves: Iterable<Curve>): Range | null {
  let min = Infinity;
  let max = -Infinity;
  for (const { x } of curves) {
    if (x.length === 0) continue;
    min = Math.min(min, x[0] as number);
    max = Math.max(max, x[x.length - 1] as number);
  }
  return min <= max ? { min, max } : null;
}

/** Finite values of the curves within a range of x. hidden: how many samples lie at or below zero. */
export interface YExtent {
  readonly min: number;
  readonly max: number;
  /** The smallest value above zero, Infinity without one. */
  readonly minPositive: number;
  readonly hidden: number;
}

/**
 * Extent of y (with envelopes) over the samples in `view`, and of the lines where they cross its two edges.
 *
 * min > max when there is nothing in view.
 */
export function yExtent(curves: Iterable<Curve>, view: Range): YExtent {
  let min = Infinity;
  let max = -Infinity;
  let minPositive = Infinity;
  let hidden = 0;
  const take = (value: number): void => {
    if (!Number.isFinite(value)) return;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value > 0 && value < minPositive) minPositive = value;
  };
  for (const { x, y, lo, hi } of curves) {
    const from = lowerBound(x, view.min);
    const to = upperBound(x, view.max);
    for (let i = from; i < to; i++) {
      const low = (lo ?? y)[i] as number;
      take(low);
      if (hi !== null) take(hi[i] as number);
      if (low <= 0 && low > -Infinity) hidden += 1;
    }
    take(between(x, y, from - 1, view.min));
    take(between(x, y, to - 1, view.max));
  }
  return { min, max, minPositive, hidden };
}

/** The line's value at `at` between samples i and i + 1; NaN where there is no line. */
function between(x: Float64Array, y: Float64Array, i: number, at: number): number {
  if (i < 0 || i + 1 >= x.length) return NaN;
  const x0 = x[i] as number;
  const x1 = x[i + 1] as number;
  const t = x1 > x0 ? (at - x0) / (x1 - x0) : 0;
  return (y[i] as number) * (1 - t) + (y[i + 1] as number) * t;
}

const PAD = 0.06;

/**
 * The y axis for an extent, with room above and below. Positive data keeps its axis (almost) positive; a constant line
 * runs through the middle. Null when a log axis has no positive value, or there is no value at all.
 */
export function yDomain(extent: YExtent, log: boolean): Range | null {
  const { min, max, minPositive } = extent;
  if (log) {
    if (minPositive === Infinity) return null;
    const low = Math.log10(minPositive);
    const high = Math.log10(max);
    const pad = high - low < 1e-9 ? 0.5 : (high - low) * PAD;
    return { min: 10 ** Math.max(low - pad, -323), max: 10 ** Math.min(high + pad, 308.25) };
  }
  if (min > max) return null;
  // Differences below the last digits of a double are no shape worth magnifying.
  if (max * 0.5 - min * 0.5 <= Math.max(Math.abs(min), Math.abs(max)) * 1e-13) {
    const room = min === 0 ? 1 : Math.abs(min) * 0.1;
    return { min: min - room, max: max + room };
  }
  const pad = Math.min((max * 0.5 - min * 0.5) * 2 * PAD, Number.MAX_VALUE);
  const low = min >= 0 && min - pad < 0 ? -0.25 * Math.min(pad, max) : min - pad;
  return { min: Math.max(low, -Number.MAX_VALUE), max: Math.min(max + pad, Number.MAX_VALUE) };
}

/**
 * The axis to go on with when live data arrives: the old one while the new extent lies inside of it and still fills most
 * of it, so that a chart does not breathe with every row; else the new one.
 */
export function calmDomain(previous: Range | null, next: Range | null, extent: YExtent, log: boolean): Range | null {
  if (previous === null || next === null) return next;
  const low = log ? extent.minPositive : extent.min;
  if (low < previous.min || extent.max > previous.max) return next;
  const size = (range: Range): number =>
    log ? Math.log10(range.max) - Math.log10(range.min) : range.max * 0.5 - range.min * 0.5;
  return size(next) >= 0.8 * size(previous) ? previous : next;
}
