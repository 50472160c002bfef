// Plain geometry: ranges and rectangles. Knows no unit and no product.

/** A closed interval, min ≤ max. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** A rectangle in one unit, y downwards. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** `value` moved into [low, high]; `low` when the interval is empty. */
export function clamp(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value));
}

/** The range from a to b, whichever comes first. */
export function rangeOf(a: number, b: number): Range {
  return a <= b ? { min: a, max: b } : { min: b, max: a };
}

/** True when both ranges have the same ends, or both are absent. */
export function sameRange(a: Range | null, b: Range | null): boolean {
  return a === b || (a !== null && b !== null && a.min === b.min && a.max === b.max);
}

/**
 * Where a floating box goes: beside the point, never over it, always inside the window.
 *
 * Right of the point by `gap`, else left of it, else (a window too narrow for both) under or over it.
 */
export function placeBeside(
  point: { x: number; y: number },
  box: { width: number; height: number },
  win: { width: number; height: number },
  gap: number,
): { left: number; top: number } {
  const edge = 4;
  const right = win.width - box.width - edge;
  const bottom = win.height - box.height - edge;
  const level = clamp(point.y - box.height / 2, edge, Math.max(edge, bottom));
  if (point.x + gap <= right) return { left: point.x + gap, top: level };
  if (point.x - gap - box.width >= edge) return { left: point.x - gap - box.width, top: level };
  const left = clamp(point.x - box.width / 2, edge, Math.max(edge, right));
  if (point.y + gap <= bottom) return { left, top: point.y + gap };
  return { left, top: Math.max(edge, point.y - gap - box.height) };
}
