import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import * as client from './client';
import { ApiError } from './errors';

interface Sent {
  url: string;
  init: RequestInit & { headers: Record<string, string> };
}

const sent: Sent[] = [];
let answers: (() => Response | Promise<Response>)[] = [];

beforeEach(() => {
  sent.length = 0;
  answers = [];
  client.forget();
  client.onUnauthorized(() => undefined);
  vi.stubGlobal('fetch', (url: string, init: Sent['init']) => {
    sent.push({ url, init });
    const answer = answers.shift();
    if (!answer) throw new Error('no answer prepared');
    return Promise.resolve().then(answer);
  });
});
afterEach(() => vi.unstubAllGlobals());

const json =
  (body: unknown, init: ResponseInit = {}): (() => Response) =>
  () =>
    Response.json(body, init);

test('an answer with an ETag is asked for by it, and a 304 gives the very same object', async () => {
  answers = [json({ projects: [] }, { headers: { ETag: '"1"' } }), () => new Response(null, { status: 304 })];
  const first = await client.projects();
  const second = await client.projects();
  expect(sent[1]?.init.headers['If-None-Match']).toBe('"1"');
  expect(second).toBe(first);
});

test('series with the same body share their answer, another body does not', async () => {
  const frame = (): Response => new Response(new Uint8Array([1, 2]), { headers: { ETag: '"f"' } });
  const request = {
    runs: [],
    metrics: ['a'],
    x: '_step',
    x_min: null,
    x_max: null,
    buckets: 1,
    raw_limit: 1,
    stream: 'history',
  } as const;
  answers = [frame, () => new Response(null, { status: 304 }), frame];
  const first = await client.series({ ...request, runs: [], metrics: ['a'] });
  expect(await client.series({ ...request, runs: [], metrics: ['a'] })).toBe(first);
  await client.series({ ...request, runs: [], metrics: ['b'] });
  expect(sent[2]?.init.headers['If-None-Match']).toBeUndefined();
});

test('names are put into paths with care', async () => {
  answers = [json({ runs: [], total: 0, offset: 0 })];
  await client.runs({ entity: 'a/b', project: 'c d?', offset: 0, limit: 10, sort: '-summary.x&y', search: 'q#' });
  expect(sent[0]?.url).toBe('/api/v1/projects/a%2Fb/c%20d%3F/runs?offset=0&limit=10&sort=-summary.x%26y&search=q%23');
});

test('a refused credential ends the session, but not while signing in', async () => {
  const told = vi.fn();
  client.onUnauthorized(told);
  const refusal = json({ error: { code: 'bad-credential', message: 'no', hint: 'h' } }, { status: 401 });
  answers = [refusal, refusal];
  await expect(client.signIn({ api_key: 'x' })).rejects.toMatchObject({ code: 'bad-credential', hint: 'h' });
  expect(told).not.toHaveBeenCalled();
  await expect(client.projects()).rejects.toBeInstanceOf(ApiError);
  expect(told).toHaveBeenCalledOnce();
});

test('a server that is away, a proxy page and a cancelled request are told apart', async () => {
  answers = [
    () => {
      throw new TypeError('Failed to fetch');
    },
    () => new Response('<html>', { status: 502 }),
    () => {
      throw new DOMException('x', 'AbortError');
    },
  ];
  await expect(client.projects()).rejects.toMatchObject({ code: 'unreachable' });
  await expect(client.projects()).rejects.toMatchObject({ code: 'bad-answer', status: 502 });
  await expect(client.projects()).rejects.toMatchObject({ name: 'AbortError' });
});
