/// <reference types="node" />
import { beforeAll, describe, expect, it } from 'vitest';
import { scale } from './scale';
import { type TickUnit, roundStep, thinTicks, ticks } from './ticks';

beforeAll(() => {
  process.env['TZ'] = 'UTC';
});

const labels = (
  lo: number,
  hi: number,
  want: number,
  unit: TickUnit = 'number',
  kind: 'linear' | 'log' | 'symlog' = 'linear',
) => ticks(scale(kind, lo, hi), want, unit).map((tick) => tick.label);

describe('number ticks', () => {
  it.each([
    [0, 1, 5, ['0', '0.2', '0.4', '0.6', '0.8', '1.0']],
    [-0.02, 0.31, 4, ['0', '0.1', '0.2', '0.3']],
    [0, 240000, 5, ['0', '50k', '100k', '150k', '200k']],
    [0, 4.2e6, 4, ['0', '1M', '2M', '3M', '4M']],
    [1e-6, 4.2e-5, 4, ['1e-5', '2e-5', '3e-5', '4e-5']],
    [-3, 3, 3, ['-2', '0', '2']],
  ])('from %d to %d', (lo, hi, want, expected) => {
    expect(labels(lo, hi, want)).toEqual(expected);
  });
  it('are whole for steps', () => {
    expect(labels(0, 2, 6, 'integer')).toEqual(['0', '1', '2']);
  });
  it('are round, inside and distinct whatever the span', () => {
    for (let i = 0; i < 400; i++) {
      const lo = Math.sin(i) * 10 ** ((i % 30) - 15);
      const hi = lo + Math.abs(Math.cos(i * 7) + 1.1) * 10 ** (((i * 7) % 30) - 15);
      if (hi - lo < Math.abs(lo) * 1e-6) continue;
      const found = ticks(scale('linear', lo, hi), 5);
      expect(found.length).toBeGreaterThanOrEqual(2);
      expect(found.length).toBeLessThanOrEqual(11);
      expect(new Set(found.map((t) => t.label)).size).toBe(found.length);
      for (const { value } of found) {
        expect(value).toBeGreaterThanOrEqual(lo - (hi - lo) * 1e-6);
        expect(value).toBeLessThanOrEqual(hi + (hi - lo) * 1e-6);
      }
    }
  });
  it('are absent on an empty axis', () => {
    expect(labels(1, 1, 5)).toEqual([]);
  });
  it('take steps of 1, 2 and 5', () => {
    expect([1, 1.6, 4, 8, 0.03].map((span) => roundStep(span, 1))).toEqual([1, 2, 5, 10, 0.02]);
  });
});

describe('log ticks', () => {
  it.each([
    [0.001, 1000, 6],
    [1e-12, 1, 4],
    [1, 60, 5],
    [2, 3, 5],
  ])('are few and differ from %d to %d', (lo, hi, want) => {
    const found = ticks(scale('log', lo, hi), want);
    expect(found.length).toBeGreaterThanOrEqual(2);
    expect(found.length).toBeLessThanOrEqual(2 * want);
    expect(new Set(found.map((t) => t.label)).size).toBe(found.length);
  });
  it('write decades plainly where they are short', () => {
    expect(labels(0.009, 1200, 6, 'number', 'log')).toEqual(['0.01', '0.1', '1', '10', '100', '1,000']);
  });
  it('add 2 and 5 on few decades', () => {
    expect(labels(0.9, 60, 6, 'number', 'log')).toEqual(['1', '2', '5', '10', '20', '50']);
  });
});

it('puts zero between the two sides of a symlog axis', () => {
  const found = ticks(scale('symlog', -1000, 1000), 6).map((tick) => tick.value);
  expect(found).toContain(0);
  expect(found.filter((v) => v < 0).length).toBe(found.filter((v) => v > 0).length);
  expect(found).toEqual([...found].sort((a, b) => a - b));
});

describe('duration ticks', () => {
  it.each([
    [0, 0.9, 4, ['0', '0.2s', '0.4s', '0.6s', '0.8s']],
    [0, 50, 5, ['0', '10s', '20s', '30s', '40s', '50s']],
    [0, 130, 4, ['0', '30s', '1m', '1m30s', '2m']],
    [0, 3 * 3600, 6, ['0', '30m', '1h', '1h30m', '2h', '2h30m', '3h']],
    [0, 5 * 86400, 5, ['0', '1d', '2d', '3d', '4d', '5d']],
  ])('from %d s to %d s', (lo, hi, want, expected) => {
    expect(labels(lo, hi, want, 'duration')).toEqual(expected);
  });
});

describe('instant ticks', () => {
  const noon = Date.UTC(2026, 2, 5, 12) / 1000;
  it.each([
    [noon, noon + 40, 4, ['12:00:00', '12:00:10', '12:00:20', '12:00:30', '12:00:40']],
    [noon, noon + 3600, 4, ['12:00', '12:15', '12:30', '12:45', '13:00']],
    [noon, noon + 86400, 4, ['12:00', '18:00', '6 Mar', '06:00', '12:00']],
    [noon, noon + 5 * 86400, 5, ['6 Mar', '7 Mar', '8 Mar', '9 Mar', '10 Mar']],
    [noon, noon + 200 * 86400, 6, ['Apr 2026', 'May 2026', 'Jun 2026', 'Jul 2026', 'Aug 2026', 'Sep 2026']],
    [noon, noon + 1500 * 86400, 4, ['2027', '2028', '2029', '2030']],
  ])('from %d to %d', (lo, hi, want, expected) => {
    expect(labels(lo, hi, want, 'instant')).toEqual(expected);
  });
});

it('drops labels that would touch', () => {
  const found = [0, 10, 20, 30].map((value) => ({ value, label: 'mmm' }));
  const kept = thinTicks(
    found,
    (tick) => tick.value,
    () => 12,
    2,
  );
  expect(kept.map((tick) => tick.value)).toEqual([0, 20]);
});
