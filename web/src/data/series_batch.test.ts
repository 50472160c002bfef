import { expect, test } from 'vitest';
import type { SeriesRequest } from './messages';
import type { SeriesFrame, SeriesLine } from './series';
import { SeriesBatcher, type PanelRequest } from './series_batch';

const frame = (request: SeriesRequest): SeriesFrame => ({
  x: request.x,
  grid: null,
  lines: request.metrics.map((metric) => ({ metric }) as SeriesLine),
});
const panel = (metric: string | string[], change: Partial<PanelRequest> = {}): PanelRequest => ({
  runs: [{ entity: 'a', project: 'p', id: '1' }],
  metrics: [metric].flat(),
  x: '_step',
  xMin: null,
  xMax: null,
  buckets: 512,
  stream: 'history',
  ...change,
});
const idle = (): AbortSignal => new AbortController().signal;

test('panels of one moment share a request and get their own lines', async () => {
  const sent: SeriesRequest[] = [];
  const batcher = new SeriesBatcher((request) => Promise.resolve((sent.push(request), frame(request))), 0);
  const frames = await Promise.all(['b', 'a', 'b'].map((metric) => batcher.load(panel(metric), idle())));
  expect(sent.map((request) => request.metrics)).toEqual([['a', 'b']]);
  expect(frames.map((one) => one.lines.map((line) => line.metric))).toEqual([['b'], ['a'], ['b']]);
});

test('a panel of several metrics gets all of them from one request', async () => {
  const sent: SeriesRequest[] = [];
  const batcher = new SeriesBatcher((request) => Promise.resolve((sent.push(request), frame(request))), 0);
  const [first] = await Promise.all([
    batcher.load(panel(['cpu', 'cpu:min', 'cpu:max']), idle()),
    batcher.load(panel(['disk.in', 'disk.in:min', 'disk.in:max']), idle()),
  ]);
  expect(sent).toHaveLength(1);
  expect(first?.lines.map((line) => line.metric)).toEqual(['cpu', 'cpu:max', 'cpu:min']);
});

test('another range, or a metric as x, is another request', async () => {
  const sent: SeriesRequest[] = [];
  const batcher = new SeriesBatcher((request) => Promise.resolve((sent.push(request), frame(request))), 0);
  await Promise.all([
    batcher.load(panel('a'), idle()),
    batcher.load(panel('b', { xMin: 3 }), idle()),
    batcher.load(panel('c', { x: 'epoch' }), idle()),
    batcher.load(panel('d', { x: 'epoch' }), idle()),
  ]);
  expect(sent).toHaveLength(4);
});

test('the request is cancelled when its last panel is gone, not before', async () => {
  let signal: AbortSignal | undefined;
  const batcher = new SeriesBatcher((_, given) => {
    signal = given;
    return new Promise(() => undefined);
  }, 0);
  const [first, second] = [new AbortController(), new AbortController()];
  const results = [batcher.load(panel('a'), first.signal), batcher.load(panel('b'), second.signal)].map((promise) =>
    promise.catch((reason: unknown) => (reason as DOMException).name),
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  first.abort();
  expect(signal?.aborted).toBe(false);
  second.abort();
  expect(signal?.aborted).toBe(true);
  expect(await Promise.all(results)).toEqual(['AbortError', 'AbortError']);
});

test('an error reaches every panel', async () => {
  const batcher = new SeriesBatcher(() => Promise.reject(new Error('no')), 0);
  const results = await Promise.allSettled([batcher.load(panel('a'), idle()), batcher.load(panel('b'), idle())]);
  expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
});
