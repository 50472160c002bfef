import { describe, expect, it } from 'vitest';
import type { BucketLine, RawLine, SeriesFrame } from '../data/series';
import type { Curve } from '../plot/curve';
import { yExtent } from '../plot/domain';
import { raster } from '../plot/raster';
import { scale } from '../plot/scale';
import { caption } from './caption';
import { chartLines, curveOf, gapMarks, pointedCurve, strokeOf, tailOf } from './curves';
import type { RunStyle } from './line';
import { exactExtremes, readout } from './readout';
import { describe as inWords, tabulate } from './summary';

function raw(run: number, y: number[], metric = 'loss', x = [...y.keys()]): RawLine {
  const count = (test: (v: number) => boolean): number => y.filter(test).length;
  return {
    run,
    metric,
    mode: 'raw',
    points: y.length,
    shown: y.length,
    nan: count(Number.isNaN),
    pinf: count((v) => v === Infinity),
    ninf: count((v) => v === -Infinity),
    version: 1,
    x: Float64Array.from(x),
    y: Float64Array.from(y),
    step: null,
    lo: null,
    hi: null,
    of: 'values',
  };
}

function buckets(run: number, mean: number[], max: number[] = mean, bad: number[] = mean.map(() => 0)): BucketLine {
  const size = mean.length;
  return {
    run,
    metric: 'loss',
    mode: 'buckets',
    of: 'values',
    points: size * 4,
    shown: size,
    nan: bad.reduce((a, b) => a + b, 0),
    pinf: 0,
    ninf: 0,
    version: 1,
    b: Uint32Array.from(mean.keys()),
    n: new Uint32Array(size).fill(4),
    min: Float64Array.from(mean),
    max: Float64Array.from(max),
    mean: Float64Array.from(mean),
    first: Float64Array.from(mean),
    last: Float64Array.from(mean),
    bad: Uint32Array.from(bad),
  };
}

const style = (key: number, change: Partial<RunStyle> = {}): RunStyle => ({
  key,
  name: `run ${key}`,
  color: '#4457e0',
  visible: true,
  ...change,
});
const grid = { lo: 0, width: 4, count: 3 };
const frame = (...lines: SeriesFrame['lines'][number][]): SeriesFrame => ({ x: '_step', grid, lines });
const step = { kind: '_step', label: 'step' } as const;

const windows = (run: number, mean: number[], lo: number[], hi: number[]): RawLine => ({
  ...raw(run, mean, 'cpu'),
  of: 'windows',
  lo: Float64Array.from(lo),
  hi: Float64Array.from(hi),
});

describe('windows', () => {
  const line = windows(1, [5, 8, 5], [4, 3, 5], [6, 97, 5]);

  it('bring their extremes to the axis and to a pixel', () => {
    const curve = curveOf(line, null, '_runtime');
    expect(yExtent([curve], { min: 0, max: 2 })).toMatchObject({ min: 3, max: 97 });
    const [drawn] = chartLines({ x: '_runtime', grid: null, lines: [line] }, [style(1)]);
    if (!drawn) throw new Error('there is no line');
    const view = { width: 60, height: 50, ratio: 1, x: scale('linear', -0.1, 2.1), y: scale('linear', 0, 100) };
    const alphaAt = (curves: Curve[], column: number, row: number): number =>
      raster(
        curves,
        curves.map(() => strokeOf(drawn, 1, 0)),
        view,
      )[(row * 60 + column) * 4 + 3] as number;
    // The spike to 97 is in the middle column, in the second row from the top.
    expect(Math.max(...[28, 29, 30, 31].map((column) => alphaAt([curve], column, 2)))).toBeGreaterThan(150);
  });

  it('that climb are no spikes, not at the ends either', () => {
    const climbing = windows(1, [0, 30, 60], [-9, 21, 51], [9, 39, 69]);
    const [drawn] = chartLines({ x: '_runtime', grid: null, lines: [climbing] }, [style(1)]);
    if (!drawn) throw new Error('there is no line');
    const view = { width: 60, height: 100, ratio: 1, x: scale('linear', -0.1, 2.1), y: scale('linear', -20, 80) };
    const pixels = raster([drawn.curve], [strokeOf(drawn, 1, 0)], view);
    const alphaAt = (column: number, row: number): number => pixels[(row * 60 + column) * 4 + 3] as number;
    // The last sample is at column 57; 66 is above the line and within the band.
    expect(Math.max(...[55, 56, 57, 58].map((column) => alphaAt(column, 14)))).toBeLessThan(80);
  });

  it('of a single window are a dot with a bar', () => {
    const one = windows(1, [50], [10], [90]);
    const [drawn] = chartLines({ x: '_runtime', grid: null, lines: [one] }, [style(1)]);
    if (!drawn) throw new Error('there is no line');
    const view = { width: 21, height: 100, ratio: 1, x: scale('linear', -1, 1), y: scale('linear', 0, 100) };
    const pixels = raster([drawn.curve], [strokeOf(drawn, 1, 0)], view);
    const widthAt = (row: number): number =>
      Array.from({ length: 21 }, (_, column) => pixels[(row * 21 + column) * 4 + 3] as number).reduce(
        (sum, alpha) => sum + alpha / 255,
        0,
      );
    expect(widthAt(50)).toBeGreaterThan(widthAt(30) + 1);
    expect(widthAt(30)).toBeGreaterThan(1);
    expect(widthAt(12)).toBeGreaterThan(1);
    expect(widthAt(5)).toBe(0);
  });

  it('say mean and min–max at the crosshair, and what they are in the caption', () => {
    const lines = chartLines({ x: '_runtime', grid: null, lines: [line] }, [style(1)]);
    const pointed = lines.map((one) => one.curve);
    const input = { lines, pointed, grid: null, kind: '_runtime', slack: 0, focus: 0, level: 8, limit: 4 } as const;
    expect(readout({ ...input, at: 1 }).rows[0]).toMatchObject({ value: 8, range: { min: 3, max: 97 } });
    expect(readout({ ...input, at: 2 }).rows[0]).toMatchObject({ value: 5, range: null });
    expect(caption([line], 0, false, 0).note).toBe('3 windows, min–max shaded');
    expect(caption([{ ...buckets(1, [1, 2, 3]), of: 'windows' }], 0, false, 0).note).toBe(
      '3 of 12 windows, min–max shaded',
    );
  });

  it('tell the exact place of the extremes of a bucket of them', () => {
    expect(exactExtremes(line)).toEqual({ min: { x: 1, y: 3 }, max: { x: 1, y: 97 } });
  });
});

describe('curves', () => {
  it('put a bucket in the middle of the steps, or of the values, that it holds', () => {
    expect([...curveOf(buckets(1, [1, 2]), grid, '_step').x]).toEqual([1.5, 5.5]);
    expect([...curveOf(buckets(1, [1, 2]), { ...grid, width: 1 }, '_step').x]).toEqual([0, 1]);
    expect([...curveOf(buckets(1, [1, 2]), { ...grid, width: 0.5 }, '_runtime').x]).toEqual([0.25, 0.75]);
  });
  it('stay the same object for the same line', () => {
    const line = buckets(1, [1]);
    expect(curveOf(line, grid, '_step')).toBe(curveOf(line, grid, '_step'));
  });
  it('are smoothed only when asked for', () => {
    const curve = curveOf(raw(1, [0, 2]), null, '_step');
    expect(pointedCurve(curve, 0)).toBe(curve);
    expect(pointedCurve(curve, 0.5).y[1]).toBeCloseTo(4 / 3);
  });
  it('end at the last finite sample', () => {
    expect(tailOf(curveOf(raw(1, [1, 2, NaN]), null, '_step'))).toEqual({ x: 1, y: 2 });
    expect(tailOf(curveOf(raw(1, [NaN]), null, '_step'))).toBeNull();
  });
});

describe('chartLines', () => {
  it('leaves out lines of unknown runs and names the others', () => {
    const lines = chartLines(frame(raw(1, [1]), raw(9, [1])), [style(1), style(2)]);
    expect(lines.map((line) => line.name)).toEqual(['run 1']);
  });
  it('tells metrics apart by name and by dash', () => {
    const lines = chartLines(frame(raw(1, [1]), raw(1, [1], 'val')), [style(1)]);
    expect(lines.map((line) => line.name)).toEqual(['loss', 'val']);
    expect(lines.map((line) => strokeOf(line, 2, 0).dash)).toEqual([false, true]);
  });
  it('draws a crowd thinner and lighter', () => {
    const [line] = chartLines(frame(raw(1, [1])), [style(1)]);
    if (!line) throw new Error('no line');
    expect(strokeOf(line, 100, 0).opacity).toBeLessThan(strokeOf(line, 3, 0).opacity);
    expect(strokeOf(line, 1, 0).ghost).toBe(0);
    expect(strokeOf(line, 1, 0.5).ghost).toBeGreaterThan(0);
  });
});

describe('caption', () => {
  it('says that all points are drawn', () => {
    expect(caption([raw(1, [1, 2]), raw(2, [1])], 0, false, 0)).toEqual({ note: '3 points, raw', warning: '' });
  });
  it('says what was reduced, and how', () => {
    const line = { ...buckets(1, [1]), points: 240_000, shown: 1500 };
    expect(caption([line], 0, false, 0).note).toBe('1,500 of 240,000 points, min–max shaded');
    expect(caption([line], 0.6, true, 0).note).toContain('EMA 0.6 of buckets · log');
  });
  it('counts what has no place', () => {
    expect(caption([raw(1, [NaN, NaN, Infinity, 0])], 0, true, 1).warning).toBe('2 NaN · 1 ±∞ · 1 ≤ 0 not drawn');
  });
  it('is empty without lines', () => {
    expect(caption([], 0.5, true, 3)).toEqual({ note: '', warning: '' });
  });
});

it('marks what is not finite, close marks once', () => {
  const lines = chartLines(
    frame(raw(1, [0, NaN, NaN, NaN, Infinity, 0, -Infinity]), buckets(2, [1, NaN], [1, NaN], [0, 4])),
    [style(1), style(2, { color: '#d1495b' })],
  );
  const marks = gapMarks(lines, { min: 0, max: 10 }, 2);
  expect(marks.map((mark) => `${mark.kind} ${mark.at}`)).toEqual(['nan 1', 'nan 3', 'up 4', 'down 6', 'nan 5.5']);
});

describe('readout', () => {
  const at = (lines: ReturnType<typeof chartLines>, change: Partial<Parameters<typeof readout>[0]> = {}) =>
    readout({
      lines,
      pointed: lines.map((line) => line.curve),
      grid,
      kind: '_step',
      at: 1,
      slack: 0.5,
      focus: -1,
      level: NaN,
      limit: 3,
      ...change,
    });
  const many = chartLines(
    frame(...[5, 3, 9, 1, 7].map((v, i) => raw(i + 1, [0, v]))),
    [1, 2, 3, 4, 5].map((key) => style(key, { visible: key !== 3 })),
  );
  it('lists the lines nearest to the pointer, highest first, and counts the others', () => {
    const { rows, more, at: x } = at(many, { level: 2 });
    expect(rows.map((row) => row.value)).toEqual([5, 3, 1]);
    expect(more).toBe(1);
    expect(x).toBe('1');
  });
  it('always holds the line that is pointed at', () => {
    const { rows } = at(many, { level: 0, focus: 4, limit: 2 });
    expect(rows.map((row) => [row.value, row.isFocus])).toEqual([
      [7, true],
      [1, false],
    ]);
  });
  it('leaves out lines that do not reach there and gaps', () => {
    const lines = chartLines(frame(raw(1, [1, NaN]), raw(2, [1]), raw(3, [1, 2])), [style(1), style(2), style(3)]);
    expect(at(lines).rows.map((row) => row.name)).toEqual(['run 3']);
  });
  it('gives a bucket its range of steps, points and values', () => {
    const lines = chartLines(frame(buckets(1, [1, 2], [1, 50])), [style(1)]);
    const { rows, at: x } = at(lines, { at: 5.5, focus: 0 });
    expect(x).toBe('4 – 7 · 4 points');
    expect(rows[0]?.range).toEqual({ min: 2, max: 50 });
  });
  it('gives the raw value beside the smoothed one', () => {
    const lines = chartLines(frame(raw(1, [0, 2])), [style(1)]);
    const [row] = at(lines, { pointed: lines.map((line) => pointedCurve(line.curve, 0.5)) }).rows;
    expect(row?.value).toBeCloseTo(4 / 3);
    expect(row?.raw).toBe(2);
  });
});

it('finds the exact extremes among points', () => {
  expect(exactExtremes(raw(1, [3, NaN, 50, -1], 'loss', [10, 11, 12, 13]))).toEqual({
    min: { x: 13, y: -1 },
    max: { x: 12, y: 50 },
  });
  expect(exactExtremes(raw(1, [NaN]))).toBeNull();
  expect(exactExtremes(buckets(1, [1]))).toBeNull();
});

describe('in words and as a table', () => {
  const lines = chartLines(frame(raw(1, [1, 0.5]), raw(2, [2, 0.75, 0.6]), raw(3, [9])), [
    style(1),
    style(2),
    style(3, { visible: false }),
  ]);
  it('says what is drawn and where it ends', () => {
    expect(inWords('loss', lines, step, { min: 0, max: 2 })).toBe(
      'Line chart of loss over step 0 to 2, 2 lines. Last values from 0.6 (run 2) down to 0.5 (run 1).',
    );
    expect(inWords('loss', [], step, null)).toBe('Line chart of loss, without data.');
  });
  it('has a row for each x and a column for each visible line', () => {
    const table = tabulate(lines, step, { min: 0, max: 2 }, 2);
    expect(table.columns.map((column) => column.name)).toEqual(['run 1', 'run 2']);
    expect(table.rows).toEqual([
      { x: '0', values: ['1.0', '2.00'] },
      { x: '1', values: ['0.5', '0.75'] },
    ]);
    expect(table.more).toBe(1);
  });
  it('leaves a cell empty where a line has no sample', () => {
    expect(tabulate(lines, step, { min: 2, max: 2 }, 9).rows).toEqual([{ x: '2', values: ['', '0.6'] }]);
  });
});
