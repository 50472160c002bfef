import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Hint } from './live.protocol';
import { forgetQueries, Query, type QuerySpec } from './queries.svelte';

const page = { hidden: false };
const hint: Hint = { cursor: 1, runs: [7], projects: [], gap: false };
const spec = (key: string, load: () => Promise<string>, more: Partial<QuerySpec<string>> = {}): QuerySpec<string> => ({
  key,
  load,
  hears: (heard) => heard.runs.includes(7),
  ...more,
});
const pass = (ms = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', page);
  page.hidden = false;
  forgetQueries();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('hints renew the answer at most once a second, and none is lost', async () => {
  let count = 0;
  const query = new Query<string>();
  query.set(spec('a', () => Promise.resolve(String(++count))));
  await pass();
  expect(query.data).toBe('1');
  for (let i = 0; i < 10; i++) query.hear(hint);
  await pass(900);
  expect(count).toBe(1);
  await pass(200);
  expect(count).toBe(2);
  query.hear({ ...hint, runs: [8] });
  await pass(2000);
  expect(count).toBe(2);
  query.hear({ ...hint, runs: [], gap: true });
  await pass(1000);
  expect(count).toBe(3);
});

test('a hidden tab asks for nothing and catches up', async () => {
  let count = 0;
  const query = new Query<string>();
  query.set(spec('a', () => Promise.resolve(String(++count))));
  await pass();
  page.hidden = true;
  query.hear(hint);
  await pass(5000);
  expect(count).toBe(1);
  page.hidden = false;
  query.flush();
  await pass();
  expect(count).toBe(2);
});

test('an error keeps the older answer and marks it stale', async () => {
  const load = vi
    .fn<() => Promise<string>>()
    .mockResolvedValueOnce('good')
    .mockRejectedValueOnce(new Error('broke'))
    .mockResolvedValue('new');
  const query = new Query<string>();
  query.set(spec('a', load));
  await pass();
  query.hear(hint);
  await pass(1000);
  expect([query.data, query.stale, query.error?.message]).toEqual(['good', true, 'cannot read the answer: broke']);
  query.retry();
  await pass();
  expect([query.data, query.stale, query.error]).toEqual(['new', false, null]);
});

test('another key shows what is cached, or the previous data where wanted', async () => {
  const query = new Query<string>();
  query.set(spec('a', () => Promise.resolve('A')));
  await pass();
  query.set(spec('b', () => new Promise(() => undefined), { keepPrevious: true }));
  expect([query.data, query.stale, query.loading]).toEqual(['A', true, true]);
  query.set(spec('c', () => new Promise(() => undefined)));
  expect([query.data, query.loading]).toEqual([null, true]);
  query.set(spec('a', () => new Promise(() => undefined)));
  expect([query.data, query.stale, query.loading]).toEqual(['A', false, false]);
});

test('an answer that comes too late is passed over', async () => {
  let finish: (value: string) => void = () => undefined;
  const query = new Query<string>();
  query.set(spec('a', () => new Promise((resolve) => (finish = resolve))));
  query.set(spec('b', () => Promise.resolve('B')));
  finish('A');
  await pass();
  expect(query.data).toBe('B');
});
