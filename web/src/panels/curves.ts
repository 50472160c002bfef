// From decoded series to what is drawn and pointed at: curves, strokes, marks for what has no place on the chart.
import { parseHex, toHex } from '../base/color';
import type { Range } from '../base/geom';
import type { BucketLine, Grid, SeriesFrame, SeriesLine } from '../data/series';
import { type Curve, type Stroke, lowerBound, upperBound } from '../plot/curve';
import { emaDebiased } from '../plot/smooth';
import type { RunStyle } from './line';

/** A line of the frame together with its run's looks. */
export interface ChartLine {
  readonly series: SeriesLine;
  readonly run: RunStyle;
  readonly curve: Curve;
  /** What it is called beside the others: the run, or run and metric where the chart has several metrics. */
  readonly name: string;
  /** Place of its metric among the chart's metrics; the second one is dashed. */
  readonly metricIndex: number;
}

// A line of an unchanged frame keeps its curve, and so its place in the worker.
const curves = new WeakMap<SeriesLine, Curve>();

/** The curve of a line, with the envelope of buckets or windows. A bucket stands in the middle of the x that it can hold. */
export function curveOf(line: SeriesLine, grid: Grid | null, x: string): Curve {
  let curve = curves.get(line);
  if (curve === undefined) {
    curve = line.mode === 'raw' ? { x: line.x, y: line.y, lo: line.lo, hi: line.hi } : bucketCurve(line, grid, x);
    curves.set(line, curve);
  }
  return curve;
}

function bucketCurve(line: BucketLine, grid: Grid | null, x: string): Curve {
  const { lo, width } = grid ?? { lo: 0, width: 1 };
  const middle = lo + (x === '_step' ? (width - 1) / 2 : width / 2);
  return { x: Float64Array.from(line.b, (b) => middle + b * width), y: line.mean, lo: line.min, hi: line.max };
}

/** The x that a bucket can hold, both ends included for steps. */
export function bucketRange(grid: Grid, b: number, x: string): Range {
  const min = grid.lo + b * grid.width;
  return { min, max: x === '_step' ? min + Math.max(0, grid.width - 1) : min + grid.width };
}

/** The lines of known runs, in the frame's order. */
export function chartLines(frame: SeriesFrame, runs: readonly RunStyle[]): ChartLine[] {
  const byKey = new Map(runs.map((run) => [run.key, run]));
  const metrics = [...new Set(frame.lines.map((line) => line.metric))];
  return frame.lines.flatMap((series) => {
    const run = byKey.get(series.run);
    if (run === undefined) return [];
    const name = metrics.length > 1 ? (runs.length > 1 ? `${run.name} · ${series.metric}` : series.metric) : run.name;
    const metricIndex = metrics.indexOf(series.metric);
    return [{ series, run, name, metricIndex, curve: curveOf(series, frame.grid, frame.x) }];
  });
}

/** The curve that is pointed at: smoothed when the drawn one is. */
export function pointedCurve(curve: Curve, smoothing: number): Curve {
  return smoothing > 0 ? { ...curve, y: emaDebiased(curve.y, smoothing) } : curve;
}

/** Looks of a line among `count` visible ones: the more there are, the thinner and lighter each is. */
export function strokeOf(line: ChartLine, count: number, smoothing: number): Stroke {
  const crowd = count <= 6 ? 0 : count <= 20 ? 1 : count <= 60 ? 2 : 3;
  return {
    color: packed(line.run.color),
    width: [1.6, 1.4, 1.2, 1][crowd] as number,
    opacity: [1, 0.85, 0.7, 0.55][crowd] as number,
    dash: (line.run.dashed ?? false) || line.metricIndex % 2 === 1,
    band: line.curve.hi === null ? 0 : count <= 3 ? 0.18 : count <= 12 ? 0.11 : 0.06,
    smoothing,
    ghost: smoothing > 0 ? (count <= 6 ? 0.28 : 0.16) : 0,
  };
}

/** Looks of the line that is pointed at. */
export function raisedStroke(line: ChartLine, smoothing: number): Stroke {
  const stroke = strokeOf(line, 1, smoothing);
  return { ...stroke, width: 2.2, ghost: smoothing > 0 ? 0.35 : 0 };
}

function packed(color: string): number {
  return Number.parseInt(toHex(parseHex(color)).slice(1), 16);
}

/** A sample that has no place on the chart. at: its x. */
export interface GapMark {
  readonly kind: 'nan' | 'up' | 'down';
  readonly at: number;
  readonly color: string;
}

/**
 * Marks for NaN (and buckets with any of the three) and for ±Infinity, in the view only.
 *
 * Marks of one kind closer than `spacing` (in units of x) are one mark.
 */
export function gapMarks(lines: readonly ChartLine[], view: Range, spacing: number): GapMark[] {
  const marks: GapMark[] = [];
  const last = new Map<string, number>();
  const put = (kind: GapMark['kind'], at: number, color: string): void => {
    const key = `${kind}${color}`;
    if (at - (last.get(key) ?? -Infinity) < spacing) return;
    last.set(key, at);
    marks.push({ kind, at, color });
  };
  for (const { series, curve, run } of lines) {
    if (series.nan + series.pinf + series.ninf === 0) continue;
    const to = upperBound(curve.x, view.max);
    for (let i = lowerBound(curve.x, view.min); i < to; i++) {
      const at = curve.x[i] as number;
      const value = curve.y[i] as number;
      if (series.mode === 'buckets') {
        if ((series.bad[i] as number) > 0) put('nan', at, run.color);
      } else if (Number.isNaN(value)) put('nan', at, run.color);
      else if (!Number.isFinite(value)) put(value > 0 ? 'up' : 'down', at, run.color);
    }
  }
  return marks;
}

/** The last finite sample of a curve, null without one. */
export function tailOf(curve: Curve): { x: number; y: number } | null {
  for (let i = curve.x.length - 1; i >= 0; i--) {
    const y = curve.y[i] as number;
    if (Number.isFinite(y)) return { x: curve.x[i] as number, y };
  }
  return null;
}
