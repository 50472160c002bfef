import { describe, expect, it } from 'vitest';
import type { SeriesFrame } from '../data/series';
import { scale } from '../plot/scale';
import { CalmAxis } from './calm_axis';
import { axisOfFrame } from './line';
import { FrameMemory } from './frame_memory';
import { type Placed, draggedRange, placeOldPixels, zoomedRange } from './zoom';

const placed = (x: [number, number], y: [number, number], width = 100, height = 50): Placed => ({
  x: scale('linear', ...x),
  y: scale('linear', ...y),
  width,
  height,
});

describe('placeOldPixels', () => {
  it('does nothing where nothing changed', () => {
    expect(placeOldPixels(placed([0, 1], [0, 1]), placed([0, 1], [0, 1]))).toBe('');
  });
  it('stretches the middle half over the whole width', () => {
    expect(placeOldPixels(placed([0, 8], [0, 1]), placed([2, 6], [0, 1]))).toBe('matrix(2, 0, 0, 1, -50, 0)');
  });
  it('shrinks to the bottom when the axis grows upwards', () => {
    expect(placeOldPixels(placed([0, 1], [0, 1]), placed([0, 1], [0, 2]))).toBe('matrix(1, 0, 0, 0.5, 0, 25)');
  });
  it('follows a new size', () => {
    expect(placeOldPixels(placed([0, 1], [0, 1]), placed([0, 1], [0, 1], 200, 50))).toBe('matrix(2, 0, 0, 1, 0, 0)');
  });
  it('does not try between a linear and a log axis', () => {
    const log = { ...placed([0, 1], [0, 1]), y: scale('log', 0.1, 1) };
    expect(placeOldPixels(placed([0, 1], [0, 1]), log)).toBe('');
  });
});

describe('ranges', () => {
  const s = scale('linear', 0, 1000);
  it('come from a drag in either direction, kept inside', () => {
    expect(draggedRange(s, 100, 80, 20)).toEqual({ min: 200, max: 800 });
    expect(draggedRange(s, 100, -30, 50)).toEqual({ min: 0, max: 500 });
  });
  it('do not come from a click', () => {
    expect(draggedRange(s, 100, 50, 53)).toBeNull();
  });
  it('shrink and grow around a place', () => {
    const full = { min: 0, max: 1000 };
    expect(zoomedRange(s, 0.5, 500, full)).toEqual({ min: 250, max: 750 });
    expect(zoomedRange(s, 0.5, 0, full)).toEqual({ min: 0, max: 500 });
    expect(zoomedRange(scale('linear', 400, 600), 2, 500, full)).toEqual({ min: 300, max: 700 });
    expect(zoomedRange(scale('linear', 100, 900), 2, 500, full)).toBeNull();
  });
});

describe('FrameMemory', () => {
  const frame = (): SeriesFrame => ({ x: '_step', grid: null, lines: [] });
  it('goes back to the whole frame while the server is asked', () => {
    const memory = new FrameMemory();
    const whole = frame();
    const fine = frame();
    const again = frame();
    const zoom = { min: 2, max: 4 };
    expect(memory.pick(null, null)).toBeNull();
    expect(memory.pick(whole, null)).toBe(whole);
    expect(memory.pick(whole, zoom)).toBe(whole);
    expect(memory.pick(fine, zoom)).toBe(fine);
    expect(memory.pick(fine, { min: 2.5, max: 3 })).toBe(fine);
    expect(memory.pick(fine, { min: 1, max: 3 })).toBe(whole);
    expect(memory.pick(fine, null)).toBe(whole);
    expect(memory.pick(again, null)).toBe(again);
  });
  it('does not mix frames over different x', () => {
    const memory = new FrameMemory();
    memory.pick(frame(), null);
    const other = { ...frame(), x: '_runtime' };
    expect(memory.pick(other, { min: 0, max: 1 })).toBe(other);
    expect(memory.pick(other, null)).toBe(other);
  });
  it('has only the zoomed frame when the page began zoomed', () => {
    const memory = new FrameMemory();
    const fine = frame();
    expect(memory.pick(fine, { min: 0, max: 1 })).toBe(fine);
    expect(memory.pick(fine, null)).toBe(fine);
  });
});

it('keeps the axis still for new data, not for a new view', () => {
  const axis = new CalmAxis();
  const extent = (max: number) => ({ min: 0, max, minPositive: 0.1, hidden: 0 });
  const first = axis.fit('a', extent(1), false);
  expect(axis.fit('a', extent(0.98), false)).toBe(first);
  expect(axis.fit('b', extent(0.98), false)).not.toEqual(first);
  expect(axis.fit('b', extent(3), false)?.max).toBeGreaterThan(3);
});

it('labels a frame by the x that it is over', () => {
  const time = { kind: '_runtime', label: 'relative time' } as const;
  const epoch = { kind: 'metric', label: 'epoch' } as const;
  expect(axisOfFrame('_runtime', time)).toBe(time);
  expect(axisOfFrame('_step', time)).toEqual({ kind: '_step', label: 'step' });
  expect(axisOfFrame('epoch', epoch)).toBe(epoch);
  expect(axisOfFrame('epoch', time)).toEqual(epoch);
});
