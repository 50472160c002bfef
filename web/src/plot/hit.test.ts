import { describe, expect, it } from 'vitest';
import type { Curve } from './curve';
import { type HitView, nearest, nearestX, sampleAt, stepX } from './hit';
import { scale } from './scale';

const curve = (x: number[], y: number[], lo?: number[], hi?: number[]): Curve => ({
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  lo: lo ? Float64Array.from(lo) : null,
  hi: hi ? Float64Array.from(hi) : null,
});
// One unit is one pixel; y upwards.
const view: HitView = { width: 100, height: 100, x: scale('linear', 0, 100), y: scale('linear', 0, 100) };
const all = () => true;

describe('nearest', () => {
  const flat = curve([0, 50, 100], [20, 20, 20]);
  const high = curve([0, 50, 100], [80, 80, NaN]);
  it('takes the nearer curve and its nearer sample', () => {
    expect(nearest([flat, high], all, view, 30, 75, 30)).toMatchObject({
      curve: 0,
      index: 1,
      distance: expect.closeTo(5),
    });
    expect(nearest([flat, high], all, view, 20, 30, 30)).toMatchObject({
      curve: 1,
      index: 0,
      distance: expect.closeTo(10),
    });
  });
  it('takes nothing too far away, hidden, or in a gap', () => {
    expect(nearest([flat, high], all, view, 30, 50, 20)).toBeNull();
    expect(nearest([flat, high], (k) => k !== 0, view, 30, 75, 20)).toBeNull();
    expect(nearest([high], all, view, 80, 20, 20)).toBeNull();
    expect(nearest([curve([], [])], all, view, 0, 0, 1000)).toBeNull();
  });
  it('finds a spike of the envelope, a little beside it too', () => {
    const x = Array.from({ length: 100 }, (_, i) => i);
    const y = x.map(() => 10);
    const spiked = curve(
      x,
      y,
      y,
      x.map((i) => (i === 40 ? 95 : 11)),
    );
    expect(nearest([spiked, flat], all, view, 43, 6, 30)).toMatchObject({ curve: 0, index: 40 });
    expect(nearest([spiked, flat], all, view, 42, 45, 30)).toMatchObject({ curve: 0, index: 40 });
    expect(nearest([spiked, flat], all, view, 30, 45, 40)).toMatchObject({ curve: 1 });
  });
});

it('finds the sample that stands for an x, and none beyond the ends', () => {
  const c = curve([10, 20, 40], [1, 2, 3]);
  expect(sampleAt(c, 29, 1)).toBe(1);
  expect(sampleAt(c, 31, 1)).toBe(2);
  expect(sampleAt(c, 9.5, 1)).toBe(0);
  expect(sampleAt(c, 8, 1)).toBe(-1);
  expect(sampleAt(c, 42, 1)).toBe(-1);
  expect(sampleAt(curve([], []), 0, 1)).toBe(-1);
});

it('steps from sample to sample over all shown curves', () => {
  const curves = [curve([0, 10, 20], [0, 0, 0]), curve([5, 15], [0, 0]), curve([1], [0])];
  const shown = (k: number) => k !== 2;
  expect(nearestX(curves, shown, 6)).toBe(5);
  expect(stepX(curves, shown, 5, 1)).toBe(10);
  expect(stepX(curves, shown, 5, -1)).toBe(0);
  expect(stepX(curves, shown, 20, 1)).toBeNull();
  expect(nearestX([], all, 0)).toBeNull();
});
