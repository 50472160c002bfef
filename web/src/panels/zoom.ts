// Zooming along x: which range comes next, and how the old pixels lie in the new view until finer ones are there.
import { type Range, clamp } from '../base/geom';
import { type Scale, invert, project } from '../plot/scale';

/** A picture's place: its scales and its size in CSS pixels. */
export interface Placed {
  readonly x: Scale;
  readonly y: Scale;
  readonly width: number;
  readonly height: number;
}

/** A CSS transform that shows the pixels of `drawn` where they belong in `now`; "" when they are there already. */
export function placeOldPixels(drawn: Placed, now: Placed): string {
  if (drawn.y.kind !== now.y.kind || drawn.x.kind !== now.x.kind) return '';
  const along = axisMap(drawn.x, now.x);
  const up = axisMap(drawn.y, now.y);
  const sx = (along.factor * now.width) / drawn.width;
  const sy = (up.factor * now.height) / drawn.height;
  const tx = along.shift * now.width;
  const ty = (1 - up.shift - up.factor) * now.height;
  if (![sx, sy, tx, ty].every(Number.isFinite)) return '';
  if (sx === 1 && sy === 1 && tx === 0 && ty === 0) return '';
  return `matrix(${sx}, 0, 0, ${sy}, ${tx}, ${ty})`;
}

/** t in `now` of what was at t in `drawn`: shift + factor · t. */
function axisMap(drawn: Scale, now: Scale): { shift: number; factor: number } {
  const shift = project(now, drawn.lo);
  return { shift, factor: project(now, drawn.hi) - shift };
}

/** The range between two places (pixels) of an axis of `width`, inside of it; null when they are too near to mean it. */
export function draggedRange(scale: Scale, width: number, from: number, to: number): Range | null {
  if (Math.abs(to - from) < 4) return null;
  const at = (px: number): number => invert(scale, clamp(px / width, 0, 1));
  const min = at(Math.min(from, to));
  const max = at(Math.max(from, to));
  return max > min && max - min > Math.max(Math.abs(min), Math.abs(max)) * 1e-12 ? { min, max } : null;
}

/** The range with `factor` times the span around `centre`, inside of `full`; null when it would be all of it. */
export function zoomedRange(scale: Scale, factor: number, centre: number, full: Range): Range | null {
  const start = project(scale, clamp(centre, scale.lo, scale.hi)) * (1 - factor);
  const min = Math.max(full.min, invert(scale, start));
  const max = Math.min(full.max, invert(scale, start + factor));
  return min <= full.min && max >= full.max ? null : { min, max };
}
