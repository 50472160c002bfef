// Cached reads that follow change hints: at most one request a second each, none while the tab is hidden.
import { untrack } from 'svelte';
import { Lru } from '../base/lru';
import { asApiError, isAbort, type ApiError } from './errors';
import type { Hint } from './live.protocol';
import { live } from './live.svelte';

const MIN_INTERVAL_MS = 1000;
const CACHED = 200;

export interface QuerySpec<T> {
  /** Names the answer; queries with the same key share what is cached. */
  key: string;
  load(signal: AbortSignal): Promise<T>;
  /** Whether a hint may have changed the answer. */
  hears(hint: Hint): boolean;
  /** Keep showing the previous key's data while this one loads (a finer zoom, another sort). */
  keepPrevious?: boolean;
}

const cache = new Lru<string, unknown>(CACHED);

/** Empties the cache (on signing in or out). */
export function forgetQueries(): void {
  cache.clear();
}

/** The state of one query: read its fields in markup or `$derived`. */
export class Query<T> {
  #data = $state.raw<T | null>(null);
  #dataKey = $state.raw('');
  #error = $state.raw<ApiError | null>(null);
  #loading = $state.raw(true);
  #updatedAt = $state.raw(0);
  #spec = $state.raw<QuerySpec<T> | null>(null);

  #abort: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastStart = 0;
  #dirty = false;

  /** The newest answer, or null before the first. */
  get data(): T | null {
    return this.#data;
  }
  get error(): ApiError | null {
    return this.#error;
  }
  /** A request is under way whose answer is not shown yet, not even an older one. */
  get loading(): boolean {
    return this.#loading;
  }
  /** What is shown is not what was asked for last: another key's data, or an answer that could not be renewed. */
  get stale(): boolean {
    return this.#data !== null && (this.#dataKey !== this.#spec?.key || this.#error !== null);
  }
  /** When the data came, in ms since 1970; 0 before the first. */
  get updatedAt(): number {
    return this.#updatedAt;
  }

  /** Asks again at once. */
  retry(): void {
    this.#start();
  }

  /** Follows `spec`; for `query()`. */
  set(spec: QuerySpec<T> | null): void {
    this.#abort?.abort();
    clearTimeout(this.#timer);
    this.#spec = spec;
    this.#error = null;
    if (spec === null) {
      this.#data = null;
      this.#loading = false;
      return;
    }
    const cached = cache.get(spec.key) as T | undefined;
    if (cached !== undefined) {
      this.#data = cached;
      this.#dataKey = spec.key;
    } else if (!spec.keepPrevious) {
      this.#data = null;
    }
    this.#start();
  }

  /** Reacts to a hint. */
  hear(hint: Hint): void {
    if (this.#spec && (hint.gap || this.#spec.hears(hint))) {
      this.#dirty = true;
      this.flush();
    }
  }

  /** Renews what a hint made old, as soon as allowed. */
  flush(): void {
    if (!this.#dirty || this.#abort || document.hidden) return;
    clearTimeout(this.#timer);
    const wait = this.#lastStart + MIN_INTERVAL_MS - performance.now();
    if (wait <= 0) this.#start();
    else this.#timer = setTimeout(() => this.#start(), wait);
  }

  /** Ends everything under way. */
  close(): void {
    this.#abort?.abort();
    clearTimeout(this.#timer);
  }

  #start(): void {
    const spec = this.#spec;
    if (spec === null) return;
    this.#abort?.abort();
    clearTimeout(this.#timer);
    const abort = new AbortController();
    this.#abort = abort;
    this.#lastStart = performance.now();
    this.#dirty = false;
    this.#loading = this.#data === null || this.#dataKey !== spec.key;
    void this.#run(spec, abort);
  }

  async #run(spec: QuerySpec<T>, abort: AbortController): Promise<void> {
    try {
      const data = await spec.load(abort.signal);
      if (this.#abort !== abort) return;
      cache.set(spec.key, data);
      this.#data = data;
      this.#dataKey = spec.key;
      this.#error = null;
      this.#updatedAt = Date.now();
    } catch (reason) {
      if (this.#abort !== abort || isAbort(reason)) return;
      this.#error = asApiError(spec.key, reason);
    }
    this.#loading = false;
    this.#abort = null;
    this.flush();
  }
}

/**
 * A query that lives as long as the component that calls this.
 *
 * `spec` may read runes; when its key changes the query follows. null: nothing is asked.
 */
export function query<T>(spec: () => QuerySpec<T> | null): Query<T> {
  const state = new Query<T>();
  const current = $derived(spec());
  const key = $derived(current?.key ?? null);
  $effect.pre(() => {
    void key;
    untrack(() => state.set(current));
  });
  $effect(() => {
    const unsubscribe = live.subscribe((hint) => state.hear(hint));
    const flush = (): void => state.flush();
    document.addEventListener('visibilitychange', flush);
    return () => {
      unsubscribe();
      document.removeEventListener('visibilitychange', flush);
      state.close();
    };
  });
  return state;
}

/**
 * Calls `refresh` when a hint is heard: at most once a second, never twice at once, not while the tab is hidden.
 *
 * Lives as long as the component that calls this.
 */
export function whenHinted(hears: (hint: Hint) => boolean, refresh: () => Promise<void>): void {
  $effect(() => {
    let dirty = false;
    let busy = false;
    let lastStart = -Infinity;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const flush = (): void => {
      clearTimeout(timer);
      if (!dirty || busy || document.hidden) return;
      const wait = lastStart + MIN_INTERVAL_MS - performance.now();
      if (wait > 0) {
        timer = setTimeout(flush, wait);
        return;
      }
      dirty = false;
      busy = true;
      lastStart = performance.now();
      void refresh().finally(() => {
        busy = false;
        flush();
      });
    };
    const unsubscribe = live.subscribe((hint) => {
      if (!hint.gap && !hears(hint)) return;
      dirty = true;
      flush();
    });
    document.addEventListener('visibilitychange', flush);
    return () => {
      unsubscribe();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', flush);
    };
  });
}

/** Whether a hint names a project. */
export function namesProject(hint: Hint, entity: string, project: string): boolean {
  return hint.projects.includes(`${entity}/${project}`);
}
