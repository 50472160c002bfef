import { expect, test } from 'vitest';
import type { BucketLine, RawLine, SeriesFrame, SeriesLine } from './series';
import { isWindowBound, mergeWindows, windowMetrics } from './windows';

const head = (metric: string, size: number, run: number): Omit<RawLine, 'mode' | 'x' | 'y' | 'step' | 'lo' | 'hi'> => ({
  run,
  metric,
  points: size,
  shown: size,
  nan: 0,
  pinf: 0,
  ninf: 0,
  version: 1,
  of: 'values',
});
const raw = (metric: string, y: number[], x = y.map((_, i) => 15 * i), run = 1): RawLine => ({
  ...head(metric, y.length, run),
  mode: 'raw',
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  step: null,
  lo: null,
  hi: null,
});
function buckets(metric: string, min: number[], mean: number[], max: number[], b = [...mean.keys()]): BucketLine {
  return {
    ...head(metric, mean.length, 1),
    mode: 'buckets',
    b: Uint32Array.from(b),
    n: new Uint32Array(mean.length).fill(4),
    min: Float64Array.from(min),
    max: Float64Array.from(max),
    mean: Float64Array.from(mean),
    first: Float64Array.from(mean),
    last: Float64Array.from(mean),
    bad: new Uint32Array(mean.length),
  };
}
const frame = (...lines: SeriesLine[]): SeriesFrame => ({ x: '_runtime', grid: { lo: 0, width: 60, count: 3 }, lines });

test('the metrics of a measurement are its mean, minima and maxima', () => {
  expect(windowMetrics('cpu')).toEqual(['cpu', 'cpu:min', 'cpu:max']);
  expect(['cpu', 'cpu:min', 'cpu:max', 'a:maximum'].map(isWindowBound)).toEqual([false, true, true, false]);
});

test('three raw lines become one whose envelope keeps a spike that the mean hides', () => {
  const { lines } = mergeWindows(frame(raw('cpu', [5, 8, 5]), raw('cpu:max', [6, 97, 6]), raw('cpu:min', [4, 3, 5])));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    metric: 'cpu',
    of: 'windows',
    points: 3,
    y: Float64Array.of(5, 8, 5),
    lo: Float64Array.of(4, 3, 5),
    hi: Float64Array.of(6, 97, 6),
  });
});

test('of a bucket the lowest minimum and the highest maximum count', () => {
  const { lines } = mergeWindows(
    frame(
      buckets('cpu', [4, 5], [5, 6], [6, 7]),
      buckets('cpu:max', [5, 6], [6, 9], [7, 100]),
      buckets('cpu:min', [0, 4], [3, 5], [5, 6]),
    ),
  );
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    of: 'windows',
    mean: Float64Array.of(5, 6),
    min: Float64Array.of(0, 4),
    max: Float64Array.of(7, 100),
  });
});

test('values belong together by their place; without one at its place a window has no width', () => {
  const { lines } = mergeWindows(
    frame(
      raw('t', [1, NaN, 3, 3], [0, 15, 30, 30]),
      raw('t:min', [0, 2, 1], [15, 30, 30]),
      raw('t:max', [9, 4, 5], [0, 30, 30]),
    ),
  );
  expect(lines[0]).toMatchObject({ lo: Float64Array.of(1, NaN, 2, 1), hi: Float64Array.of(9, NaN, 4, 5) });
});

test('a mean is never outside of its own envelope', () => {
  const { lines } = mergeWindows(frame(raw('t', [2]), raw('t:min', [2.0000001]), raw('t:max', [1.9999999])));
  expect(lines[0]).toMatchObject({ lo: Float64Array.of(2), hi: Float64Array.of(2) });
});

test('each run has its own windows, and a metric without bounds stays as it is', () => {
  const plain = raw('custom', [1]);
  const lonely = raw('other:max', [1]);
  const { lines } = mergeWindows(
    frame(
      ...[1, 2].flatMap((run) => windowMetrics('cpu').map((name, i) => raw(name, [run * 10 + i], [0], run))),
      plain,
      lonely,
    ),
  );
  expect(lines.map((line) => `${line.run} ${line.metric}`)).toEqual(['1 cpu', '2 cpu', '1 custom', '1 other:max']);
  expect(lines[1]).toMatchObject({ hi: Float64Array.of(22) });
  expect(lines.slice(2)).toEqual([plain, lonely]);
});

test('an unchanged line is merged into the same object, so that it is not drawn again', () => {
  const one = frame(raw('cpu', [5]), raw('cpu:max', [6]), raw('cpu:min', [4]));
  expect(mergeWindows(one).lines[0]).toBe(mergeWindows({ ...one }).lines[0]);
});
