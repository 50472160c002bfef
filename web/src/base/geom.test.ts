import { describe, expect, it } from 'vitest';
import { clamp, placeBeside, rangeOf, sameRange } from './geom';

describe('ranges', () => {
  it('puts the ends in order', () => {
    expect(rangeOf(3, 1)).toEqual({ min: 1, max: 3 });
    expect(sameRange(rangeOf(1, 2), { min: 1, max: 2 })).toBe(true);
    expect(sameRange(null, { min: 1, max: 2 })).toBe(false);
  });
  it('clamps to the low end of an empty interval', () => {
    expect(clamp(5, 0, 3)).toBe(3);
    expect(clamp(5, 4, 3)).toBe(4);
  });
});

describe('placeBeside', () => {
  const box = { width: 100, height: 60 };
  it.each([
    ['in the middle', { x: 300, y: 300 }, { width: 800, height: 600 }],
    ['at the right edge', { x: 790, y: 300 }, { width: 800, height: 600 }],
    ['in a corner', { x: 799, y: 599 }, { width: 800, height: 600 }],
    ['in a narrow window', { x: 60, y: 10 }, { width: 120, height: 600 }],
    ['low in a narrow window', { x: 60, y: 590 }, { width: 120, height: 600 }],
  ])('stays inside the window and off the pointer %s', (_where, point, win) => {
    const { left, top } = placeBeside(point, box, win, 14);
    expect(left).toBeGreaterThanOrEqual(0);
    expect(top).toBeGreaterThanOrEqual(0);
    expect(left + box.width).toBeLessThanOrEqual(win.width);
    expect(top + box.height).toBeLessThanOrEqual(win.height);
    const covers = point.x >= left && point.x <= left + box.width && point.y >= top && point.y <= top + box.height;
    expect(covers).toBe(false);
  });
});
