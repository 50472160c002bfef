// The only caller of fetch. Every answer that carries an ETag is remembered, so that a re-read costs a 304.
import { Lru } from '../base/lru';
import { begin } from './activity';
import { ApiError, asApiError, errorOfAnswer, isAbort } from './errors';
import type {
  Changes,
  ConsolePage,
  Keys,
  Me,
  Projects,
  RunDetail,
  Runs,
  SeriesRequest,
  SessionRequest,
} from './messages';

export const API = '/api/v1';

/** How many answers are kept for If-None-Match. */
const REMEMBERED = 400;

interface Remembered {
  etag: string;
  body: unknown;
}

const remembered = new Lru<string, Remembered>(REMEMBERED);
let unauthorized: () => void = () => undefined;

/** Sets what happens when the server no longer accepts the credential. */
export function onUnauthorized(handler: () => void): void {
  unauthorized = handler;
}

/** Forgets every remembered answer (on signing in or out). */
export function forget(): void {
  remembered.clear();
}

interface Call {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: unknown;
  binary?: boolean;
  signal?: AbortSignal | undefined;
  /** A 401 answers the question (signing in) rather than ending the session. */
  expects401?: boolean;
  /** Do not count as activity: polls that go on for ever. */
  quiet?: boolean;
}

async function errorBody(response: Response): Promise<unknown> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page: errorOfAnswer says so
  }
}

async function call<T>(path: string, options: Call = {}): Promise<T> {
  const method = options.method ?? 'GET';
  const request = `${method} ${API}${path}`;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const isRead = method === 'GET' || options.binary === true;
  const key = body === undefined ? path : `${path} ${body}`;
  const known = isRead ? remembered.get(key) : undefined;
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (known) headers['If-None-Match'] = known.etag;
  const done = options.quiet ? () => undefined : begin();
  try {
    const response = await fetch(API + path, {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      ...(body === undefined ? {} : { body }),
      ...(options.signal ? { signal: options.signal } : {}),
    });
    if (response.status === 304 && known) {
      return known.body as T;
    }
    if (!response.ok) {
      const error = errorOfAnswer(request, response.status, await errorBody(response));
      if (response.status === 401 && !options.expects401) unauthorized();
      throw error;
    }
    if (response.status === 204) return undefined as T;
    const answer: unknown = options.binary ? await response.arrayBuffer() : await response.json();
    const etag = response.headers.get('ETag');
    if (isRead && etag) remembered.set(key, { etag, body: answer });
    return answer as T;
  } catch (reason) {
    if (isAbort(reason)) throw reason;
    if (reason instanceof TypeError) {
      throw new ApiError(
        request,
        0,
        'unreachable',
        'the server cannot be reached',
        'is `runlore server` still running?',
      );
    }
    throw asApiError(request, reason);
  } finally {
    done();
  }
}

const part = encodeURIComponent;

/** The API path of a run. */
export function runPath(entity: string, project: string, id: string): string {
  return `/runs/${part(entity)}/${part(project)}/${part(id)}`;
}

/** Who is signed in; a 401 is thrown without ending a session. */
export function me(signal?: AbortSignal): Promise<Me> {
  return call<Me>('/me', { signal, expects401: true });
}

/** Exchanges a one-time link or an API key for the session cookie. */
export function signIn(secret: SessionRequest): Promise<Me> {
  return call<Me>('/session', { method: 'POST', body: secret, expects401: true });
}

/** Ends the session. */
export function signOut(): Promise<void> {
  return call<undefined>('/session', { method: 'DELETE', expects401: true });
}

/** All projects, the latest active first. */
export function projects(signal?: AbortSignal): Promise<Projects> {
  return call<Projects>('/projects', { signal });
}

export interface RunsQuery {
  entity: string;
  project: string;
  offset: number;
  limit: number;
  sort: string;
  search: string;
}

/** One page of a project's runs. */
export function runs(query: RunsQuery, signal?: AbortSignal): Promise<Runs> {
  const params = new URLSearchParams({ offset: String(query.offset), limit: String(query.limit), sort: query.sort });
  if (query.search) params.set('search', query.search);
  return call<Runs>(`/projects/${part(query.entity)}/${part(query.project)}/runs?${params}`, { signal });
}

/** The config, summary and metric names of a project, the most frequent first. */
export function keys(entity: string, project: string, signal?: AbortSignal): Promise<Keys> {
  return call<Keys>(`/projects/${part(entity)}/${part(project)}/keys`, { signal });
}

/** A run with all that its page shows. */
export function runDetail(entity: string, project: string, id: string, signal?: AbortSignal): Promise<RunDetail> {
  return call<RunDetail>(runPath(entity, project, id), { signal });
}

/** The bytes of a column frame. */
export function series(request: SeriesRequest, signal?: AbortSignal): Promise<ArrayBuffer> {
  return call<ArrayBuffer>('/series', { method: 'POST', body: request, binary: true, signal });
}

/** Console lines from `offset` on; a negative offset counts from the end. */
export function consoleLines(
  run: { entity: string; project: string; id: string },
  offset: number,
  limit: number,
  signal?: AbortSignal,
): Promise<ConsolePage> {
  const path = `${runPath(run.entity, run.project, run.id)}/console?offset=${offset}&limit=${limit}`;
  return call<ConsolePage>(path, { signal });
}

/** All hints after a cursor: the fallback of the event stream. */
export function changes(since: number, signal?: AbortSignal): Promise<Changes> {
  return call<Changes>(`/changes?since=${since}`, { signal, quiet: true });
}
