// What a tooltip and a screen reader are told about one x: which lines, which values, in which order.
import { formatCount, formatExactDuration, formatNumber } from '../base/format';
import type { Range } from '../base/geom';
import { exactLabel } from '../base/time';
import type { Grid, SeriesLine } from '../data/series';
import type { Curve } from '../plot/curve';
import { sampleAt } from '../plot/hit';
import { type ChartLine, bucketRange } from './curves';
import type { XKind } from './line';

/** One line at one x. value: as drawn. */
export interface ReadoutRow {
  /** Index of the line. */
  readonly line: number;
  readonly name: string;
  readonly color: string;
  readonly dashed: boolean;
  readonly value: number;
  /** The unsmoothed value where the drawn one is smoothed, else NaN. */
  readonly raw: number;
  /** Extremes of the bucket or the window; null for a single value. */
  readonly range: Range | null;
  readonly isFocus: boolean;
}

/** rows: by value, highest first. more: lines that have a value here as well. */
export interface Readout {
  readonly at: string;
  readonly rows: readonly ReadoutRow[];
  readonly more: number;
}

/** What `readout` looks at. pointed[i] is the curve of lines[i] as drawn. */
export interface ReadoutInput {
  readonly lines: readonly ChartLine[];
  readonly pointed: readonly Curve[];
  readonly grid: Grid | null;
  readonly kind: XKind;
  /** The x. */
  readonly at: number;
  /** How far beyond its ends a line still answers. */
  readonly slack: number;
  /** Index of the line that is pointed at, or -1. */
  readonly focus: number;
  /** The pointer's value of y: the lines nearest to it are listed. NaN takes the highest ones. */
  readonly level: number;
  readonly limit: number;
}

/** The lines nearest to the pointer at one x. */
export function readout(input: ReadoutInput): Readout {
  const { lines, pointed, at, slack, focus, level, limit } = input;
  const found: (ReadoutRow & { index: number; distance: number })[] = [];
  lines.forEach((line, i) => {
    const curve = pointed[i];
    if (!line.run.visible || curve === undefined) return;
    const index = sampleAt(curve, at, slack);
    const value = index < 0 ? NaN : (curve.y[index] as number);
    if (index < 0 || (Number.isNaN(value) && i !== focus)) return;
    const raw = curve === line.curve ? NaN : (line.curve.y[index] as number);
    found.push({
      line: i,
      name: line.name,
      color: line.run.color,
      dashed: (line.run.dashed ?? false) || line.metricIndex % 2 === 1,
      value,
      raw,
      range: extremes(line.series, index),
      isFocus: i === focus,
      index,
      distance: i === focus ? -1 : Number.isNaN(level) ? -value : Math.abs(value - level),
    });
  });
  const rows = found
    .sort((a, b) => a.distance - b.distance)
    .slice(0, limit)
    .sort((a, b) => Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value)) || b.value - a.value);
  const speaker = rows.find((row) => row.isFocus) ?? rows[0];
  return { at: xText(input, speaker), rows, more: found.length - rows.length };
}

function extremes(series: SeriesLine, index: number): Range | null {
  const [lows, highs] = series.mode === 'raw' ? [series.lo, series.hi] : [series.min, series.max];
  const min = lows?.[index] ?? NaN;
  const max = highs?.[index] ?? NaN;
  return min < max ? { min, max } : null;
}

function xText({ lines, grid, kind, at }: ReadoutInput, row: { line: number; index: number } | undefined): string {
  const line = row && lines[row.line];
  if (!row || !line) return formatX(kind, at);
  if (line.series.mode === 'raw' || grid === null) return formatX(kind, line.curve.x[row.index] ?? at);
  const { n, b } = line.series;
  const range = bucketRange(grid, b[row.index] as number, kind);
  if (range.min === range.max) return formatX(kind, range.min);
  const points = n[row.index] as number;
  return `${formatX(kind, range.min)} – ${formatX(kind, range.max)} · ${formatCount(points)} ${points === 1 ? 'point' : 'points'}`;
}

/** One x in full. */
export function formatX(kind: XKind, value: number): string {
  switch (kind) {
    case '_step':
      return formatCount(value);
    case '_runtime':
      return formatExactDuration(value);
    case '_timestamp':
      return exactLabel(new Date(value * 1000), !Number.isInteger(value));
    case 'metric':
      return formatNumber(value);
  }
}

/** Where a bucket's lowest and highest points are. */
export interface Extremes {
  readonly min: { readonly x: number; readonly y: number };
  readonly max: { readonly x: number; readonly y: number };
}

/** The extremes among the points, or windows, of a line; null when they are buckets themselves, or none is finite. */
export function exactExtremes(line: SeriesLine): Extremes | null {
  if (line.mode !== 'raw') return null;
  const lows = line.lo ?? line.y;
  const highs = line.hi ?? line.y;
  let low = -1;
  let high = -1;
  line.y.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    if (low < 0 || (lows[i] as number) < (lows[low] as number)) low = i;
    if (high < 0 || (highs[i] as number) > (highs[high] as number)) high = i;
  });
  if (low < 0) return null;
  const point = (i: number, y: Float64Array): { x: number; y: number } => ({
    x: line.x[i] as number,
    y: y[i] as number,
  });
  return { min: point(low, lows), max: point(high, highs) };
}
