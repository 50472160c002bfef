import { describe, expect, test } from 'vitest';
import { columnEdges, columnsInView, MAX_HEIGHT, rowsInView, scrollHeight, scrollToRow } from './window';

describe('rowsInView', () => {
  test('covers the viewport and the overscan', () => {
    expect(rowsInView(280, 140, 1000, 28, 2)).toEqual({ first: 8, last: 16, top: 224 });
  });
  test('stays inside the rows at both ends', () => {
    expect(rowsInView(0, 140, 3, 28)).toEqual({ first: 0, last: 2, top: 0 });
    expect(rowsInView(1e9, 140, 1000, 28, 0)).toEqual({ first: 995, last: 999, top: 27860 });
  });
  test('draws nothing without rows', () => {
    expect(rowsInView(0, 140, 0, 28)).toEqual({ first: 0, last: -1, top: 0 });
  });
  test('maps by ratio above the height a browser can hold, and reaches the last row', () => {
    const count = 2_000_000;
    expect(scrollHeight(count, 28)).toBe(MAX_HEIGHT);
    const end = rowsInView(MAX_HEIGHT - 560, 560, count, 28, 0);
    expect(end.last).toBe(count - 1);
    expect(end.top + (end.last - end.first + 1) * 28).toBeCloseTo(MAX_HEIGHT, 5);
    const middle = rowsInView((MAX_HEIGHT - 560) / 2, 560, count, 28, 0);
    expect(Math.abs(middle.first - count / 2)).toBeLessThan(20);
  });
  test('never leaves a gap in the viewport, wherever it is scrolled', () => {
    for (let top = 0; top < 50_000; top += 97) {
      const view = rowsInView(top, 333, 2000, 28, 0);
      const seen = Math.min(top, 2000 * 28 - 333);
      expect(view.top).toBeLessThanOrEqual(seen);
      expect(view.top + (view.last - view.first + 1) * 28).toBeGreaterThanOrEqual(seen + 333);
    }
  });
});

test('scrollToRow moves no further than needed', () => {
  expect(scrollToRow(5, 0, 280, 100, 28)).toBe(0);
  expect(scrollToRow(10, 0, 280, 100, 28)).toBe(28);
  expect(scrollToRow(2, 280, 280, 100, 28)).toBe(56);
});

describe('columnsInView', () => {
  const edges = columnEdges([200, 100, 100, 100, 100, 100]);
  test('edges are running sums', () => expect(edges).toEqual([0, 200, 300, 400, 500, 600, 700]));
  test('begins after the pinned column', () => {
    expect(columnsInView(0, 400, edges, 0)).toEqual({ first: 1, last: 2 });
    expect(columnsInView(150, 400, edges, 0)).toEqual({ first: 2, last: 4 });
  });
  test('does not pass the last column', () => {
    expect(columnsInView(9999, 400, edges)).toEqual({ first: 4, last: 5 });
  });
});
