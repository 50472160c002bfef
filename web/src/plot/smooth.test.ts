import { describe, expect, it } from 'vitest';
import { emaDebiased } from './smooth';

describe('emaDebiased', () => {
  it('returns the same array at weight 0', () => {
    const y = Float64Array.of(1, NaN, 3);
    expect(emaDebiased(y, 0)).toBe(y);
  });
  it('begins at the first value and leaves a constant as it is', () => {
    const smooth = emaDebiased(new Float64Array(50).fill(7), 0.99);
    smooth.forEach((v) => expect(v).toBeCloseTo(7, 9));
  });
  it('meets the formula', () => {
    const [a, b] = emaDebiased(Float64Array.of(1, 2), 0.5);
    expect(a).toBe(1);
    expect(b).toBeCloseTo((0.25 * 1 + 0.5 * 2) / 0.75, 12);
  });
  it('keeps gaps as gaps and its state across them', () => {
    const holed = emaDebiased(Float64Array.of(1, NaN, Infinity, 2), 0.9);
    const whole = emaDebiased(Float64Array.of(1, 2), 0.9);
    expect([...holed]).toEqual([whole[0], NaN, NaN, whole[1]]);
  });
  it('stays within the values', () => {
    const y = Float64Array.from({ length: 500 }, (_, i) => Math.sin(i * 1.7));
    for (const v of emaDebiased(y, 0.999)) expect(Math.abs(v)).toBeLessThanOrEqual(1);
  });
  it('refuses a weight of 1', () => {
    expect(() => emaDebiased(new Float64Array(1), 1)).toThrow(/weight 1/);
  });
});
