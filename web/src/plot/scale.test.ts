import { describe, expect, it } from 'vitest';
import { type ScaleKind, invert, project, projectInto, scale } from './scale';

describe.each<[ScaleKind, number, number]>([
  ['linear', -3, 12],
  ['time', 1.7e9, 1.8e9],
  ['log', 1e-5, 1e3],
  ['symlog', -100, 1000],
])('a %s scale from %d to %d', (kind, lo, hi) => {
  const s = scale(kind, lo, hi);
  it('has its ends at 0 and 1', () => {
    expect(project(s, lo)).toBeCloseTo(0, 12);
    expect(project(s, hi)).toBeCloseTo(1, 12);
  });
  it('comes back through invert', () => {
    for (const t of [-0.2, 0, 0.3, 0.77, 1, 1.4]) expect(project(s, invert(s, t))).toBeCloseTo(t, 9);
  });
  it('places many as it places one', () => {
    const values = Float64Array.from([NaN, lo, (lo + hi) / 2, hi, NaN]);
    const out = new Float64Array(4);
    projectInto(s, values, 1, 5, 50, -50, out);
    [lo, (lo + hi) / 2, hi].forEach((v, i) => expect(out[i]).toBeCloseTo(50 - 50 * project(s, v), 9));
    expect(out[3]).toBeNaN();
  });
});

it('has no place for zero and below on a log scale', () => {
  const s = scale('log', 0.1, 10);
  expect(project(s, 0)).toBeNaN();
  expect(project(s, -1)).toBeNaN();
});

it('does not overflow at the largest numbers', () => {
  const s = scale('linear', -1.7e308, 1.7e308);
  expect(project(s, 0)).toBe(0.5);
  expect(invert(s, 1)).toBe(1.7e308);
});
