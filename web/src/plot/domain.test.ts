import { describe, expect, it } from 'vitest';
import type { Curve } from './curve';
import { calmDomain, xExtent, yDomain, yExtent } from './domain';

const curve = (x: number[], y: number[], lo: number[] | null = null, hi: number[] | null = null): Curve => ({
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  lo: lo && Float64Array.from(lo),
  hi: hi && Float64Array.from(hi),
});
const all = { min: -Infinity, max: Infinity };

describe('extents', () => {
  it('span all curves and skip empty ones', () => {
    expect(xExtent([curve([], []), curve([2, 5], [0, 0]), curve([1, 3], [0, 0])])).toEqual({ min: 1, max: 5 });
    expect(xExtent([curve([], [])])).toBeNull();
  });
  it('take envelopes and outliers, and leave out what is not finite', () => {
    const extent = yExtent([curve([0, 1, 2], [1, NaN, Infinity], [0.5, NaN, NaN], [50, NaN, NaN])], all);
    expect(extent).toMatchObject({ min: 0.5, max: 50, hidden: 0 });
  });
  it('look only at the view, with the line where it crosses the edges', () => {
    const extent = yExtent([curve([0, 10, 20], [0, 10, 1000])], { min: 5, max: 12 });
    expect(extent.min).toBe(5);
    expect(extent.max).toBe(10 * 0.8 + 1000 * 0.2);
  });
  it('see a line that passes without a sample in view', () => {
    expect(yExtent([curve([0, 10], [0, 10])], { min: 4, max: 6 })).toMatchObject({ min: 4, max: 6 });
  });
  it('count what a log axis cannot show', () => {
    expect(yExtent([curve([0, 1, 2, 3], [0, -1, 3, NaN])], all)).toMatchObject({ minPositive: 3, hidden: 2 });
  });
});

describe('yDomain', () => {
  const of = (...y: number[]) => yExtent([curve([...y.keys()], y)], all);
  it('gives room above and below', () => {
    const domain = yDomain(of(-1, 1), false);
    expect(domain?.min).toBeLessThan(-1);
    expect(domain?.max).toBeGreaterThan(1);
  });
  it('keeps the axis of positive data from going far below zero', () => {
    expect(yDomain(of(0, 10), false)?.min).toBeGreaterThan(-0.3);
    expect(yDomain(of(9, 10), false)?.min).toBeCloseTo(8.94);
  });
  it.each([0, 1, -3, 1e-300, 1e300])('puts the constant %d in the middle', (v) => {
    const domain = yDomain(of(v, v), false);
    expect(domain && domain.max / 2 + domain.min / 2).toBeCloseTo(v);
    expect(domain && domain.max > domain.min).toBe(true);
  });
  it('does not overflow', () => {
    const domain = yDomain(of(-1.7e308, 1.7e308), false);
    expect(Number.isFinite(domain?.min) && Number.isFinite(domain?.max)).toBe(true);
  });
  it('is absent without values, and on a log axis without positive ones', () => {
    expect(yDomain(of(NaN), false)).toBeNull();
    expect(yDomain(of(0, -1), true)).toBeNull();
    const log = yDomain(of(0, 0.001, 10), true);
    expect(log?.min).toBeGreaterThan(0);
    expect(log?.min).toBeLessThan(0.001);
  });
});

describe('calmDomain', () => {
  const before = { min: 0, max: 1 };
  const step = (min: number, max: number) => {
    const extent = { min, max, minPositive: min, hidden: 0 };
    return calmDomain(before, yDomain(extent, false), extent, false);
  };
  it('stays while the data fits and fills it', () => {
    expect(step(0.06, 0.95)).toBe(before);
  });
  it('moves when the data leaves it or shrinks', () => {
    expect(step(0.05, 1.2)?.max).toBeGreaterThan(1.2);
    expect(step(0.4, 0.6)?.max).toBeLessThan(0.7);
  });
});
