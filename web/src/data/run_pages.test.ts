import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Run } from './messages';
import { PAGE, pagesOf, RunPages, spans } from './run_pages.svelte';

test('pages cover the visible range and stop at the last run', () => {
  expect(pagesOf({ first: 0, last: 40 }, 1000)).toEqual([0]);
  expect(pagesOf({ first: 190, last: 410 }, 1000)).toEqual([0, 1, 2]);
  expect(pagesOf({ first: 0, last: 5000 }, 401)).toEqual([0, 1, 2]);
  expect(pagesOf({ first: 0, last: 10 }, 0)).toEqual([]);
});

test('scattered rows are asked for in few requests of one page at most', () => {
  expect(spans([3, 1, 2])).toEqual([{ first: 1, last: 3 }]);
  expect(spans([0, 199, 200, 399, 1000])).toEqual([
    { first: 0, last: 199 },
    { first: 200, last: 399 },
    { first: 1000, last: 1000 },
  ]);
  expect(spans([])).toEqual([{ first: 0, last: 0 }]);
});

// A server of runs by key, the newest first.
let server: number[] = [];
const asked: [number, number][] = [];

beforeEach(() => {
  asked.length = 0;
  server = Array.from({ length: 450 }, (_, i) => 450 - i);
  vi.stubGlobal('fetch', (url: string, init: RequestInit) => {
    const query = new URLSearchParams(url.slice(url.indexOf('?')));
    const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))];
    asked.push([offset, limit]);
    const runs = server.slice(offset, offset + limit).map((key) => ({ key }) as Run);
    const aborted = (): never => {
      throw new DOMException('cancelled', 'AbortError');
    };
    return Promise.resolve().then(() =>
      init.signal?.aborted ? aborted() : Response.json({ runs, total: server.length, offset }),
    );
  });
});
afterEach(() => vi.unstubAllGlobals());

const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
const keys = (pages: RunPages, from: number, to: number): (number | undefined)[] =>
  Array.from({ length: to - from }, (_, i) => pages.row(from + i)?.key);
const open = (): RunPages => new RunPages({ entity: 'e', project: 'p', sort: '-created_at', search: '' });

test('pages are fetched as they come into view, passed ones are cancelled', async () => {
  const pages = open();
  await rest();
  expect(pages.total).toBe(450);
  pages.show(200, 230);
  pages.show(420, 449);
  await rest();
  expect(pages.row(449)?.key).toBe(1);
  expect(pages.row(200)).toBeUndefined();
  expect(pages.complete).toBe(false);
  pages.show(0, 449);
  await rest();
  expect(pages.complete).toBe(true);
  expect(asked.map(([offset]) => offset)).toEqual([0, 200, 400, 200]);
});

test('a new run moves the others and none is there twice', async () => {
  const pages = open();
  await rest();
  pages.show(0, 449);
  await rest();
  server = [451, ...server];
  await pages.refresh([0, 1, 2]);
  await rest();
  expect(asked.slice(3, 4)).toEqual([[0, 3]]);
  expect(pages.total).toBe(451);
  const all = keys(pages, 0, 451);
  expect(all).toEqual(server);
});

test('another search keeps the rows, marked stale, until the new ones are here', async () => {
  const pages = open();
  await rest();
  server = [9, 8];
  pages.setFilter({ entity: 'e', project: 'p', sort: 'name', search: 'x' });
  expect([pages.stale, pages.row(0)?.key]).toEqual([true, 450]);
  await rest();
  expect([pages.stale, pages.total, pages.row(0)?.key, pages.row(2)]).toEqual([false, 2, 9, undefined]);
  expect(asked.at(-1)).toEqual([0, PAGE]);
});
