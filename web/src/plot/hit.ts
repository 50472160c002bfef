// What lies under the pointer: the nearest curve, and the value of each curve at one x.
import { type Curve, lowerBound, nearestIndex, upperBound } from './curve';
import { type Scale, invert, project } from './scale';

/** A view in CSS pixels. */
export interface HitView {
  readonly width: number;
  readonly height: number;
  readonly x: Scale;
  readonly y: Scale;
}

/** A sample near the pointer. distance: in CSS pixels, to the sample or to the line beside it. */
export interface Hit {
  /** Index of the curve. */
  readonly curve: number;
  /** Index of the sample. */
  readonly index: number;
  readonly distance: number;
}

/** How far left and right samples compete for the pointer. */
const REACH = 6;
/** Pixels by which a line is preferred to an envelope that the pointer is in, and to the end of one. */
const INSIDE = 10;
const END = 2;

/**
 * The curve nearest to the pointer, and its sample there. Null when none is within `limit` pixels.
 *
 * isShown: which curves take part. Envelopes count as well, after the lines, so that a spike can be pointed at.
 */
export function nearest(
  curves: readonly Curve[],
  isShown: (curve: number) => boolean,
  view: HitView,
  px: number,
  py: number,
  limit: number,
): Hit | null {
  let best: Hit | null = null;
  const left = invert(view.x, (px - REACH) / view.width);
  const right = invert(view.x, (px + REACH) / view.width);
  curves.forEach((curve, k) => {
    if (!isShown(k) || curve.x.length === 0) return;
    const hit = nearestOf(curve, view, px, py, left, right);
    if (hit !== null && hit.distance <= (best?.distance ?? limit)) best = { curve: k, ...hit };
  });
  return best;
}

function nearestOf(
  curve: Curve,
  view: HitView,
  px: number,
  py: number,
  left: number,
  right: number,
): { index: number; distance: number } | null {
  const { x, y, lo, hi } = curve;
  const xAt = (i: number): number => project(view.x, x[i] as number) * view.width;
  const yAt = (values: Float64Array, i: number): number => (1 - project(view.y, values[i] as number)) * view.height;
  let index = -1;
  let distance = Infinity;
  const take = (i: number, value: number): void => {
    if (value < distance) {
      index = i;
      distance = value;
    }
  };
  const from = lowerBound(x, left);
  const to = upperBound(x, right);
  for (let i = from; i < to; i++) {
    const dx = xAt(i) - px;
    take(i, Math.hypot(dx, yAt(y, i) - py));
    if (hi !== null && lo !== null) take(i, envelopeDistance(dx, py, yAt(hi, i), yAt(lo, i), yAt(y, i)));
  }
  for (let i = Math.max(0, from - 1); i < Math.min(to, x.length - 1); i++) {
    const x0 = xAt(i);
    const x1 = xAt(i + 1);
    const d = segmentDistance(px, py, x0, yAt(y, i), x1, yAt(y, i + 1));
    take(px - x0 <= x1 - px ? i : i + 1, d);
  }
  return index < 0 ? null : { index, distance };
}

/** To the ends of a bucket's envelope, or to its inside, where the nearer middle wins. */
function envelopeDistance(dx: number, py: number, top: number, bottom: number, middle: number): number {
  const end = Math.min(Math.hypot(dx, top - py), Math.hypot(dx, bottom - py)) + END;
  if (!(py >= top && py <= bottom)) return end;
  return Math.min(end, Math.abs(dx) + INSIDE + Math.abs(py - middle) * 0.01);
}

function segmentDistance(px: number, py: number, x0: number, y0: number, x1: number, y1: number): number {
  const dx = x1 - x0;
  const dy = y1 - y0;
  const length = dx * dx + dy * dy;
  const t = length > 0 ? Math.max(0, Math.min(1, ((px - x0) * dx + (py - y0) * dy) / length)) : 0;
  return Math.hypot(x0 + t * dx - px, y0 + t * dy - py);
}

/**
 * The sample of a curve that stands for `at`: the nearest one in x, if the curve reaches there. -1 where it does not.
 *
 * slack: how far beyond its ends a curve still answers, in units of x.
 */
export function sampleAt(curve: Curve, at: number, slack: number): number {
  const { x } = curve;
  if (x.length === 0) return -1;
  if (at < (x[0] as number) - slack || at > (x[x.length - 1] as number) + slack) return -1;
  return nearestIndex(x, at);
}

/** The sample x nearest to `at` over the shown curves; null without samples. */
export function nearestX(curves: readonly Curve[], isShown: (curve: number) => boolean, at: number): number | null {
  let best: number | null = null;
  curves.forEach(({ x }, k) => {
    const i = isShown(k) ? nearestIndex(x, at) : -1;
    if (i < 0) return;
    const value = x[i] as number;
    if (best === null || Math.abs(value - at) < Math.abs(best - at)) best = value;
  });
  return best;
}

/** The next sample x after `at` (direction 1) or before it (-1) over the shown curves; null when there is none. */
export function stepX(
  curves: readonly Curve[],
  isShown: (curve: number) => boolean,
  at: number,
  direction: 1 | -1,
): number | null {
  let best: number | null = null;
  curves.forEach(({ x }, k) => {
    if (!isShown(k)) return;
    const value = direction > 0 ? x[upperBound(x, at)] : x[lowerBound(x, at) - 1];
    if (value !== undefined && (best === null || (value - best) * direction < 0)) best = value;
  });
  return best;
}
