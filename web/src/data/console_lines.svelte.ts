// The console output of a run: pages of 1,000 lines by visible range, the tail renewed while the run lives.
import { consoleLines } from './client';
import { asApiError, isAbort, type ApiError } from './errors';
import type { ConsoleLine, RunPath } from './messages';

export const LINES_PER_PAGE = 1000;
const PAGES_KEPT = 60;

/** Lines by number. Read `version` to be told of changes. */
export class ConsoleLines {
  total = $state.raw<number | null>(null);
  error = $state.raw<ApiError | null>(null);
  version = $state.raw(0);

  #run: RunPath;
  #pages = new Map<number, ConsoleLine[]>();
  #inflight = new Map<number, AbortController>();
  #tail: AbortController | null = null;

  constructor(run: RunPath) {
    this.#run = run;
    void this.refreshTail();
  }

  /** The line with a number, or undefined while it is on its way. */
  line(number: number): ConsoleLine | undefined {
    void this.version;
    return this.#pages.get(Math.floor(number / LINES_PER_PAGE))?.[number % LINES_PER_PAGE];
  }

  /** The lines of a page, as far as they are here. */
  page(index: number): readonly ConsoleLine[] {
    void this.version;
    return this.#pages.get(index) ?? [];
  }

  /** Tells which lines are looked at. */
  show(first: number, last: number): void {
    if (this.total === null) return;
    const from = Math.floor(Math.max(first, 0) / LINES_PER_PAGE);
    const to = Math.floor(Math.max(Math.min(last, this.total - 1), 0) / LINES_PER_PAGE);
    for (const [page, abort] of this.#inflight) {
      if (page < from || page > to) {
        abort.abort();
        this.#inflight.delete(page);
      }
    }
    for (let page = from; page <= to; page++) {
      if (!this.#isWhole(page) && !this.#inflight.has(page)) void this.#load(page);
    }
  }

  /** Asks for the newest lines (and the total). */
  async refreshTail(): Promise<void> {
    if (this.#tail) return;
    const abort = new AbortController();
    this.#tail = abort;
    try {
      const known = this.total ?? 0;
      // The last known line may have grown, so the question begins with it.
      const offset = known === 0 ? -LINES_PER_PAGE : Math.max(known - 1, 0);
      const answer = await consoleLines(this.#run, offset, LINES_PER_PAGE, abort.signal);
      this.#put(answer.lines);
      this.total = answer.total;
      this.error = null;
      this.version += 1;
    } catch (reason) {
      if (!isAbort(reason)) this.error = asApiError('console', reason);
    } finally {
      this.#tail = null;
    }
  }

  /** The lines from number `from` on, page by page (searching, saving); not kept. */
  async *from(from: number, signal: AbortSignal): AsyncGenerator<readonly ConsoleLine[]> {
    for (let offset = from; ; offset += LINES_PER_PAGE) {
      const answer = await consoleLines(this.#run, offset, LINES_PER_PAGE, signal);
      if (answer.lines.length > 0) yield answer.lines;
      if (offset + LINES_PER_PAGE >= answer.total) return;
    }
  }

  /** Cancels everything under way. */
  close(): void {
    for (const abort of this.#inflight.values()) abort.abort();
    this.#inflight.clear();
    this.#tail?.abort();
  }

  #isWhole(page: number): boolean {
    const expected = Math.min(LINES_PER_PAGE, (this.total ?? 0) - page * LINES_PER_PAGE);
    const lines = this.#pages.get(page);
    if (!lines) return expected <= 0;
    for (let i = 0; i < expected; i++) if (lines[i] === undefined) return false;
    return true;
  }

  #put(lines: readonly ConsoleLine[]): void {
    const touched = new Map<number, ConsoleLine[]>();
    for (const line of lines) {
      const index = Math.floor(line.number / LINES_PER_PAGE);
      let page = touched.get(index);
      if (!page) {
        page = [...(this.#pages.get(index) ?? [])];
        touched.set(index, page);
      }
      page[line.number % LINES_PER_PAGE] = line;
    }
    for (const [index, page] of touched) {
      this.#pages.delete(index);
      this.#pages.set(index, page);
    }
    while (this.#pages.size > PAGES_KEPT) {
      const oldest = this.#pages.keys().next().value;
      if (oldest === undefined) return;
      this.#pages.delete(oldest);
    }
  }

  async #load(page: number): Promise<void> {
    const abort = new AbortController();
    this.#inflight.set(page, abort);
    try {
      const answer = await consoleLines(this.#run, page * LINES_PER_PAGE, LINES_PER_PAGE, abort.signal);
      this.#put(answer.lines);
      this.total = Math.max(this.total ?? 0, answer.total);
      this.error = null;
      this.version += 1;
    } catch (reason) {
      if (!isAbort(reason)) this.error = asApiError('console', reason);
    } finally {
      if (this.#inflight.get(page) === abort) this.#inflight.delete(page);
    }
  }
}
