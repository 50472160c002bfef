import { describe, expect, it } from 'vitest';
import {
  formatAge,
  formatBytes,
  formatColumn,
  formatCount,
  formatDuration,
  formatExactDuration,
  formatNumber,
  formatPlural,
  formatTick,
} from './format';

describe('formatNumber', () => {
  it.each([
    [0, '0'],
    [-0, '0'],
    [1, '1'],
    [0.1 + 0.2, '0.3'],
    [0.98421345678, '0.984213'],
    [-0.5, '-0.5'],
    [123456, '123456'],
    [1234567, '1.23457e6'],
    [999999.7, '1e6'],
    [0.0001, '0.0001'],
    [0.00012345678, '0.000123457'],
    [1.5e-7, '1.5e-7'],
    [1e300, '1e300'],
    [5e-324, '4.94066e-324'],
    [NaN, 'NaN'],
    [Infinity, '∞'],
    [-Infinity, '-∞'],
  ])('writes %d as %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
  it('never shows more than six significant digits', () => {
    for (let i = 0; i < 2000; i++) {
      const value = (Math.sin(i) * 10 ** ((i % 40) - 20)) / 3;
      const digits = formatNumber(value).replace(/e.*/, '').replace(/[-.]/g, '').replace(/^0+/, '');
      expect(digits.length).toBeLessThanOrEqual(6);
    }
  });
});

it.each([
  [
    [0.960506, 0.88069, 0.5],
    ['0.960506', '0.880690', '0.500000'],
  ],
  [
    [1.5, 20, NaN, 0],
    ['1.5', '20.0', 'NaN', '0.0'],
  ],
  [
    [1234.5678, 0.00012],
    ['1234.57', '0.00012'],
  ],
  [
    [3, 1200, -0],
    ['3', '1200', '0'],
  ],
  [[], []],
])('writes the column %j with points below each other', (values, texts) => {
  expect(formatColumn(values)).toEqual(texts);
});

it('writes counts in full', () => {
  expect(formatCount(240000)).toBe('240,000');
  expect(formatCount(9007199254740991)).toBe('9,007,199,254,740,991');
  expect(formatPlural(1, 'point')).toBe('1 point');
  expect(formatPlural(0, 'point')).toBe('0 points');
});

it.each([
  [0, '0 s'],
  [0.4, '0.4 s'],
  [9.96, '10 s'],
  [45.4, '45 s'],
  [59.7, '1 m 00 s'],
  [185, '3 m 05 s'],
  [7980, '2 h 13 m'],
  [356400, '4 d 3 h'],
  [-5, '-5 s'],
])('writes a duration of %d s as %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

it.each([
  [0.25, '0.25 s'],
  [5, '5 s'],
  [65.3, '1 m 05.3 s'],
  [59.999, '1 m 00 s'],
  [3725.129, '1 h 02 m 05.13 s'],
])('writes %d s exactly as %s', (seconds, text) => {
  expect(formatExactDuration(seconds)).toBe(text);
});

it.each([
  [2, 'just now'],
  [12, '12 s ago'],
  [200, '3 min ago'],
  [7300, '2 h ago'],
  [500000, '5 d ago'],
])('writes an age of %d s as %s', (seconds, text) => {
  expect(formatAge(1e12, 1e12 + seconds * 1000)).toBe(text);
});

it('writes an old age as a date', () => {
  const then = new Date(2025, 2, 5, 12).getTime();
  expect(formatAge(then, then + 100 * 86_400_000)).toBe('5 Mar 2025');
});

it.each([
  [0, '0 B'],
  [512, '512 B'],
  [1023, '1 KiB'],
  [1536, '1.5 KiB'],
  [149_000_000_000, '139 GiB'],
])('writes %d bytes as %s', (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});

describe('formatTick', () => {
  it.each([
    [0, 0.2, '0'],
    [0.6000000000000001, 0.2, '0.6'],
    [0.25, 0.05, '0.25'],
    [1, 0.5, '1.0'],
    [40, 10, '40'],
    [2000, 500, '2,000'],
    [20000, 5000, '20k'],
    [1500000, 500000, '1.5M'],
    [1000000, 500000, '1M'],
    [1000001, 1, '1,000,001'],
    [2e-5, 1e-5, '2e-5'],
    [0.00015, 0.00005, '0.00015'],
    [-0.4, 0.2, '-0.4'],
    [1e20, 1e20, '1e20'],
  ])('labels %d at steps of %d as %s', (value, step, text) => {
    expect(formatTick(value, step)).toBe(text);
  });
});
