// What is drawn: curves (data) and strokes (looks), in the form that raster, hit and domain share.

/** Samples ascending in x. NaN or ±Infinity in y is a gap. lo, hi: the envelope, null where y is every sample itself. */
export interface Curve {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly lo: Float64Array | null;
  readonly hi: Float64Array | null;
}

/** Looks of a curve. */
export interface Stroke {
  /** 0xRRGGBB */
  readonly color: number;
  /** In CSS pixels. */
  readonly width: number;
  /** 0..1 */
  readonly opacity: number;
  readonly dash: boolean;
  /** Opacity of the envelope, 0 for none. */
  readonly band: number;
  /** Weight of smoothing in [0, 1). Above 0 the unsmoothed line is drawn behind, at opacity `ghost`. */
  readonly smoothing: number;
  readonly ghost: number;
}

/** First index of ascending `x` with x[i] ≥ value. */
export function lowerBound(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First index of ascending `x` with x[i] > value. */
export function upperBound(x: Float64Array, value: number): number {
  let low = 0;
  let high = x.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((x[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the sample nearest to `value` in x, -1 without samples. */
export function nearestIndex(x: Float64Array, value: number): number {
  const right = lowerBound(x, value);
  if (right === 0) return x.length === 0 ? -1 : 0;
  if (right === x.length) return right - 1;
  return (x[right] as number) - value < value - (x[right - 1] as number) ? right : right - 1;
}
