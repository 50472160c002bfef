import { describe, expect, test } from 'vitest';
import { LineLayout, rowsOf } from './lines';

describe('without wrapping', () => {
  const layout = new LineLayout(100_000, 1000, Infinity, () => []);
  test('every line is a row', () => {
    expect(layout.rows).toBe(100_000);
    expect(layout.between(99_998, 100_005).map((line) => line.number)).toEqual([99_998, 99_999]);
    expect(layout.rowOf(42)).toBe(42);
  });
});

describe('with wrapping', () => {
  const lengths = Array.from({ length: 25 }, (_, i) => (i * 7) % 31);
  const page = (index: number): (number | undefined)[] =>
    index === 1 ? [] : lengths.slice(index * 10, index * 10 + 10);
  const layout = new LineLayout(25, 10, 8, page);

  test('an empty line takes a row, a long one several', () => {
    expect([rowsOf(0, 8), rowsOf(8, 8), rowsOf(9, 8), rowsOf(24, 8)]).toEqual([1, 1, 2, 3]);
  });
  test('all rows belong to exactly one line, in order', () => {
    let row = 0;
    for (const line of layout.between(0, layout.rows - 1)) {
      expect(line.row).toBe(row);
      expect(layout.rowOf(line.number)).toBe(row);
      row += line.rows;
    }
    expect(row).toBe(layout.rows);
  });
  test('any stretch of rows is covered', () => {
    for (let first = 0; first < layout.rows; first++) {
      const lines = layout.between(first, first + 3);
      const last = lines[lines.length - 1];
      expect(lines[0]?.row).toBeLessThanOrEqual(first);
      expect((last?.row ?? 0) + (last?.rows ?? 0)).toBeGreaterThanOrEqual(Math.min(first + 4, layout.rows));
    }
  });
  test('lines that are not loaded count as one row', () => {
    expect(
      layout.between(0, layout.rows).filter((line) => line.number >= 10 && line.number < 20 && line.rows !== 1),
    ).toEqual([]);
  });
});
