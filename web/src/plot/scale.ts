// Scales: from values to a line of a given length and back. Plain data, so that they travel to workers as they are.

/** How values spread: symlog is linear within ±threshold and logarithmic outside; time is linear with other ticks. */
export type ScaleKind = 'linear' | 'time' | 'log' | 'symlog';

/** lo < hi are the values at the two ends. threshold: of symlog, > 0, else unused. */
export interface Scale {
  readonly kind: ScaleKind;
  readonly lo: number;
  readonly hi: number;
  readonly threshold: number;
}

export function scale(kind: ScaleKind, lo: number, hi: number, threshold = 1): Scale {
  return { kind, lo, hi, threshold };
}

/** The bent value, in which the scale is straight. NaN where a log scale has no place for `v`. */
export function bend(s: Scale, v: number): number {
  switch (s.kind) {
    case 'log':
      return v > 0 ? Math.log10(v) : NaN;
    case 'symlog':
      return Math.sign(v) * Math.log10(1 + Math.abs(v) / s.threshold);
    default:
      return v;
  }
}

/** Inverse of `bend`. */
export function unbend(s: Scale, u: number): number {
  switch (s.kind) {
    case 'log':
      return 10 ** u;
    case 'symlog':
      return Math.sign(u) * (10 ** Math.abs(u) - 1) * s.threshold;
    default:
      return u;
  }
}

/** Where `v` lies, 0 at lo and 1 at hi; outside of 0..1 beyond them. Halved first, so that ±1e308 does not overflow. */
export function project(s: Scale, v: number): number {
  const lo = bend(s, s.lo) * 0.5;
  return (bend(s, v) * 0.5 - lo) / (bend(s, s.hi) * 0.5 - lo);
}

/** The value at `t`, 0 at lo and 1 at hi. */
export function invert(s: Scale, t: number): number {
  const lo = bend(s, s.lo);
  const hi = bend(s, s.hi);
  return unbend(s, lo * (1 - t) + hi * t);
}

/**
 * Places of values[from..to) on a line of `length` that starts at `start`: written to out[0..to-from).
 *
 * A negative length runs backwards, as y does. NaN where the scale has no place for a value.
 */
export function projectInto(
  s: Scale,
  values: Float64Array,
  from: number,
  to: number,
  start: number,
  length: number,
  out: Float64Array,
): void {
  const lo = bend(s, s.lo) * 0.5;
  const factor = length / (bend(s, s.hi) * 0.5 - lo);
  const count = to - from;
  if (s.kind === 'linear' || s.kind === 'time') {
    for (let i = 0; i < count; i++) out[i] = start + ((values[from + i] as number) * 0.5 - lo) * factor;
  } else if (s.kind === 'log') {
    for (let i = 0; i < count; i++) {
      const v = values[from + i] as number;
      out[i] = v > 0 ? start + (Math.log10(v) * 0.5 - lo) * factor : NaN;
    }
  } else {
    for (let i = 0; i < count; i++) out[i] = start + (bend(s, values[from + i] as number) * 0.5 - lo) * factor;
  }
}
