// Smoothing of what is drawn. Of samples, not of steps: a bucketed line smooths differently, and the panel says so.

/**
 * Exponential moving average of `y`, corrected for its start.
 *
 * y: NaN and ±Infinity are gaps: they stay NaN and leave the state unchanged.
 * weight: in [0, 1); 0 returns `y` itself.
 * Throws RangeError when weight is outside of [0, 1).
 * Source of the correction: Kingma & Ba 2015, section 3.
 */
export function emaDebiased(y: Float64Array, weight: number): Float64Array {
  if (!(weight >= 0 && weight < 1)) throw new RangeError(`cannot smooth with weight ${weight}: it must be in [0, 1)`);
  if (weight === 0) return y;
  const out = new Float64Array(y.length);
  let state = 0;
  let debt = 1; // weight to the power of samples seen: the share that the zero start still has
  for (let i = 0; i < y.length; i++) {
    const value = y[i] as number;
    if (!Number.isFinite(value)) {
      out[i] = NaN;
      continue;
    }
    state = weight * state + (1 - weight) * value;
    debt *= weight;
    out[i] = state / (1 - debt);
  }
  return out;
}
