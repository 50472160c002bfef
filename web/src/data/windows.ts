// Windows of measurements: what the machine did is logged as mean, minimum and maximum of each window, in three metrics.
import type { BucketLine, RawLine, SeriesFrame, SeriesLine } from './series';

const MIN = ':min';
const MAX = ':max';

/** The metrics that together hold the windows of one measurement; the plain name is the mean's. */
export function windowMetrics(name: string): string[] {
  return [name, name + MIN, name + MAX];
}

/** Whether a metric holds the minima or maxima of another one. */
export function isWindowBound(name: string): boolean {
  return name.endsWith(MIN) || name.endsWith(MAX);
}

/**
 * The frame with each mean and its minima and maxima as one line of windows; a mean without both of them stays as it is.
 *
 * Raw lines get `lo` and `hi`. Of a bucket, `min` becomes the lowest minimum and `max` the highest maximum, so that a
 * spike within a window is as exact as one between windows. An unchanged line is merged into the same object again.
 */
export function mergeWindows(frame: SeriesFrame): SeriesFrame {
  const keyOf = (line: SeriesLine, metric = line.metric): string => `${line.run} ${metric}`;
  const byKey = new Map(frame.lines.map((line) => [keyOf(line), line]));
  const lines = frame.lines.flatMap((line) => {
    const mean = isWindowBound(line.metric) ? byKey.get(keyOf(line, line.metric.slice(0, -MIN.length))) : line;
    // A bound is part of its mean; without one it is a line like any other.
    if (mean === undefined) return [line];
    if (mean !== line) return [];
    const low = byKey.get(keyOf(line, line.metric + MIN));
    const high = byKey.get(keyOf(line, line.metric + MAX));
    return [low && high ? merged(line, low, high) : line];
  });
  return { ...frame, lines };
}

// The three come in one answer, so that the mean stands for all of them.
const known = new WeakMap<SeriesLine, SeriesLine>();

function merged(mean: SeriesLine, low: SeriesLine, high: SeriesLine): SeriesLine {
  let line = known.get(mean);
  if (line === undefined) {
    line = merge(mean, low, high);
    known.set(mean, line);
  }
  return line;
}

/** The three are logged together, so that they have the same x and are raw or bucketed together. */
function merge(mean: SeriesLine, low: SeriesLine, high: SeriesLine): SeriesLine {
  if (mean.mode === 'raw' && low.mode === 'raw' && high.mode === 'raw') return mergeRaw(mean, low, high);
  if (mean.mode === 'buckets' && low.mode === 'buckets' && high.mode === 'buckets')
    return mergeBuckets(mean, low, high);
  return mean;
}

function mergeRaw(mean: RawLine, low: RawLine, high: RawLine): RawLine {
  return {
    ...mean,
    of: 'windows',
    lo: bound(mean.x, mean.y, low.x, low.y, Math.min),
    hi: bound(mean.x, mean.y, high.x, high.y, Math.max),
  };
}

function mergeBuckets(mean: BucketLine, low: BucketLine, high: BucketLine): BucketLine {
  return {
    ...mean,
    of: 'windows',
    min: bound(mean.b, mean.min, low.b, low.min, Math.min),
    max: bound(mean.b, mean.max, high.b, high.max, Math.max),
  };
}

/** `inner`, widened by what `outer` has at the same place. Places ascend; a place without an outer value keeps the inner one. */
function bound(
  places: ArrayLike<number>,
  inner: Float64Array,
  outerPlaces: ArrayLike<number>,
  outer: Float64Array,
  widest: (a: number, b: number) => number,
): Float64Array {
  let at = 0;
  return inner.map((value, i) => {
    const place = places[i] as number;
    while (at < outer.length && (outerPlaces[at] as number) < place) at += 1;
    if (outerPlaces[at] !== place) return value;
    const found = outer[at++] as number;
    return Number.isFinite(found) && Number.isFinite(value) ? widest(value, found) : value;
  });
}
