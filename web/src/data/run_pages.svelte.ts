// The runs of a project as the table needs them: pages of 200 by visible range, renewed in place when hinted.
import { runs as fetchRuns } from './client';
import { asApiError, isAbort, type ApiError } from './errors';
import type { Run } from './messages';

export const PAGE = 200;

/** The most runs that are grouped: grouping needs all of them. */
export const GROUP_LIMIT = 2000;

export interface RunsFilter {
  entity: string;
  project: string;
  sort: string;
  search: string;
}

interface Range {
  first: number;
  last: number;
}

/** Which pages cover the rows `first` to `last` (inclusive). */
export function pagesOf(range: Range, total: number): number[] {
  const pages: number[] = [];
  const last = Math.min(range.last, total - 1);
  for (let page = Math.floor(Math.max(range.first, 0) / PAGE); page * PAGE <= last; page++) pages.push(page);
  return pages;
}

/** Few requests that cover all positions: neighbours within a page of each other go together, 200 rows at most. */
export function spans(indexes: readonly number[]): Range[] {
  const found: Range[] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const open = found[found.length - 1];
    if (open && index - open.first < PAGE) open.last = index;
    else found.push({ first: index, last: index });
  }
  return found.length > 0 ? found : [{ first: 0, last: 0 }];
}

/** Rows by position, fetched as they come into view. Read `version` to be told of changes. */
export class RunPages {
  /** All runs that match, or null before the first answer. */
  total = $state.raw<number | null>(null);
  error = $state.raw<ApiError | null>(null);
  /** The rows shown belong to an earlier sort or search. */
  stale = $state.raw(false);
  version = $state.raw(0);

  #filter: RunsFilter;
  #rows = new Map<number, Run>();
  #whole = new Set<number>();
  #inflight = new Map<number, AbortController>();
  #range: Range = { first: 0, last: 0 };
  #refresh: AbortController | null = null;

  constructor(filter: RunsFilter) {
    this.#filter = filter;
    this.#fetchPage(0);
  }

  /** The run at a position, or undefined while it is on its way. */
  row(index: number): Run | undefined {
    void this.version;
    return this.#rows.get(index);
  }

  /** Whether every matching run is here. */
  get complete(): boolean {
    void this.version;
    return this.total !== null && this.#rows.size >= this.total;
  }

  /** The position of a run among the loaded ones, or -1. */
  indexOf(key: number): number {
    for (const [index, run] of this.#rows) if (run.key === key) return index;
    return -1;
  }

  /** Another sort or search: the old rows stay, marked stale, until the first new page is here. */
  setFilter(filter: RunsFilter): void {
    this.close();
    this.#filter = filter;
    this.#whole.clear();
    this.stale = true;
    this.#range = { first: 0, last: PAGE - 1 };
    this.#fetchPage(0);
  }

  /** Tells which rows are looked at: missing pages are fetched, requests for passed ones cancelled. */
  show(first: number, last: number): void {
    this.#range = { first, last };
    if (this.stale || this.total === null) return;
    const wanted = new Set(pagesOf(this.#range, this.total));
    for (const [page, abort] of this.#inflight) {
      if (!wanted.has(page)) {
        abort.abort();
        this.#inflight.delete(page);
      }
    }
    for (const page of wanted) if (!this.#whole.has(page) && !this.#inflight.has(page)) this.#fetchPage(page);
  }

  /** Asks again for the rows at these positions. Resolves when they are renewed. */
  async refresh(indexes: readonly number[]): Promise<void> {
    if (this.#inflight.size > 0) return;
    if (this.stale || this.total === null) {
      this.#fetchPage(0);
      return;
    }
    this.#refresh?.abort();
    const abort = new AbortController();
    this.#refresh = abort;
    try {
      for (const { first, last } of spans(indexes)) {
        const answer = await fetchRuns({ ...this.#filter, offset: first, limit: last - first + 1 }, abort.signal);
        if (this.#refresh !== abort) return;
        this.#merge(answer.runs, first, answer.total);
      }
      this.show(this.#range.first, this.#range.last);
    } catch (reason) {
      if (this.#refresh === abort && !isAbort(reason)) this.error = asApiError('runs', reason);
    } finally {
      if (this.#refresh === abort) this.#refresh = null;
    }
  }

  /** Asks again after an error. */
  retry(): void {
    this.error = null;
    if (this.total === null || this.stale) this.#fetchPage(0);
    else void this.refresh([this.#range.first, Math.min(this.#range.last, this.#range.first + PAGE - 1)]);
  }

  /** Cancels everything under way. */
  close(): void {
    for (const abort of this.#inflight.values()) abort.abort();
    this.#inflight.clear();
    this.#refresh?.abort();
    this.#refresh = null;
  }

  #merge(runs: Run[], offset: number, total: number): void {
    const isOther = (run: Run, i: number): boolean => {
      const known = this.#rows.get(offset + i);
      return known !== undefined && known.key !== run.key;
    };
    const moved = (this.total !== null && total !== this.total) || runs.some(isOther);
    if (moved) {
      // Rows out of view may have moved too: they stay as placeholders of themselves and are asked for again.
      this.#whole.clear();
      const fresh = new Set(runs.map((run) => run.key));
      for (const [index, run] of this.#rows) if (index >= total || fresh.has(run.key)) this.#rows.delete(index);
    }
    runs.forEach((run, i) => this.#rows.set(offset + i, run));
    this.total = total;
    this.error = null;
    this.version += 1;
  }

  #fetchPage(page: number): void {
    const abort = new AbortController();
    this.#inflight.set(page, abort);
    void this.#load(page, abort);
  }

  async #load(page: number, abort: AbortController): Promise<void> {
    try {
      const answer = await fetchRuns({ ...this.#filter, offset: page * PAGE, limit: PAGE }, abort.signal);
      if (this.#inflight.get(page) !== abort) return;
      if (this.stale || this.total === null) {
        this.#rows.clear();
        this.#whole.clear();
        this.stale = false;
      }
      this.#merge(answer.runs, page * PAGE, answer.total);
      this.#whole.add(page);
    } catch (reason) {
      if (this.#inflight.get(page) === abort && !isAbort(reason)) this.error = asApiError('runs', reason);
    }
    if (this.#inflight.get(page) === abort) this.#inflight.delete(page);
    if (this.error === null && !this.stale) this.show(this.#range.first, this.#range.last);
  }
}
