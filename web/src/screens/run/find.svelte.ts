// Searching all console lines of a run, however many: page by page in the background, new ones as they come.
import type { ConsoleLines } from '../../data/console_lines.svelte';
import { asApiError, isAbort, type ApiError } from '../../data/errors';
import { plainText } from './ansi';

const MOST = 10_000;

/** The lines that hold a text. */
export class Find {
  /** Numbers of the lines found so far, ascending. */
  matches = $state.raw<readonly number[]>([]);
  /** Lines searched so far. */
  searched = $state.raw(0);
  isBusy = $state.raw(false);
  error = $state.raw<ApiError | null>(null);

  #lines: ConsoleLines;
  #needle = '';
  #abort: AbortController | null = null;

  constructor(lines: ConsoleLines) {
    this.#lines = lines;
  }

  /** Whether there were more than are kept. */
  get isCut(): boolean {
    return this.matches.length >= MOST;
  }

  /** Begins anew with a text; "" ends searching. */
  set(text: string): void {
    this.close();
    this.#needle = text.toLowerCase();
    this.matches = [];
    this.searched = 0;
    this.error = null;
    this.resume();
  }

  /** Goes on with lines that came since. */
  resume(): void {
    if (this.#needle === '' || this.isBusy || this.isCut || this.searched >= (this.#lines.total ?? 0)) return;
    void this.#run();
  }

  close(): void {
    this.#abort?.abort();
    this.#abort = null;
    this.isBusy = false;
  }

  async #run(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    this.isBusy = true;
    try {
      for await (const lines of this.#lines.from(this.searched, abort.signal)) {
        if (this.#abort !== abort) return;
        const found = lines.filter((line) => plainText(line.text).toLowerCase().includes(this.#needle));
        if (found.length > 0) this.matches = [...this.matches, ...found.map((line) => line.number)].slice(0, MOST);
        this.searched = (lines[lines.length - 1]?.number ?? this.searched) + 1;
        if (this.isCut) return;
      }
    } catch (reason) {
      if (!isAbort(reason)) this.error = asApiError('console', reason);
    } finally {
      if (this.#abort === abort) {
        this.#abort = null;
        this.isBusy = false;
      }
    }
  }
}
