// Change hints for this tab: from the browser's shared event stream, or by polling where that does not work.
import { changes } from './client';
import type { FromWorker, Hint, ToWorker } from './live.protocol';
import type { Change } from './messages';

export type LiveState = 'live' | 'reconnecting' | 'paused';

/** How long a lost connection goes unmentioned, and how often the fallback asks. */
const GRACE_MS = 1500;
const POLL_MS = 5000;
const FAILURES_ALLOWED = 2;

type Listener = (hint: Hint) => void;

class Live {
  #connected = $state.raw(false);
  #quietly = $state.raw(true);
  #paused = $state.raw(false);
  #listeners = new Set<Listener>();
  #port: MessagePort | null = null;
  #failures = 0;
  #cursor = 0;
  #wasLost = false;
  #isPolling = false;
  #grace: ReturnType<typeof setTimeout> | undefined;

  /** What the top bar shows. A connection lost for a moment only is still called live. */
  get state(): LiveState {
    if (this.#paused) return 'paused';
    return this.#connected || this.#quietly ? 'live' : 'reconnecting';
  }

  /** Begins to listen; called once, after signing in. */
  start(): void {
    this.#waitQuietly();
    if (this.#port) this.#send({ kind: 'open' });
    else if (!this.#isPolling) this.#connect();
  }

  /** Calls `listener` with each hint until the returned function is called. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Holds back hints; on going on everything is looked at again. */
  setPaused(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    if (!paused) this.#emit({ cursor: this.#cursor, runs: [], projects: [], gap: true });
  }

  #connect(): void {
    if (typeof SharedWorker === 'undefined') {
      void this.#poll();
      return;
    }
    try {
      const worker = new SharedWorker(new URL('./live.worker.ts', import.meta.url), {
        type: 'module',
        name: 'runlore-live',
      });
      worker.addEventListener('error', () => this.#workerFailed());
      this.#port = worker.port;
      this.#port.addEventListener('message', (event: MessageEvent<FromWorker>) => this.#hear(event.data));
      this.#port.start();
      this.#send({ kind: 'hello' });
      addEventListener('pagehide', () => this.#send({ kind: 'bye' }));
      addEventListener('pageshow', (event) => {
        if (event.persisted) this.#send({ kind: 'hello' });
      });
    } catch {
      this.#workerFailed(); // a policy forbids workers: polling needs none
    }
  }

  #workerFailed(): void {
    this.#port = null;
    this.#failures += 1;
    if (this.#failures < FAILURES_ALLOWED) this.#connect();
    else void this.#poll();
  }

  #send(message: ToWorker): void {
    this.#port?.postMessage(message);
  }

  #hear(message: FromWorker): void {
    if (message.kind === 'state') this.#setConnected(message.connected);
    else this.#receive({ ...message.change, gap: false });
  }

  #receive(change: Change & { gap: boolean }): void {
    this.#cursor = Math.max(this.#cursor, change.cursor);
    this.#emit(change);
  }

  #emit(hint: Hint): void {
    if (this.#paused) return;
    for (const listener of this.#listeners) listener(hint);
  }

  #setConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    if (connected) {
      clearTimeout(this.#grace);
      if (this.#wasLost) this.#emit({ cursor: this.#cursor, runs: [], projects: [], gap: true });
      this.#wasLost = false;
    } else {
      this.#wasLost = true;
      this.#waitQuietly();
    }
  }

  #waitQuietly(): void {
    this.#quietly = true;
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => (this.#quietly = false), GRACE_MS);
  }

  async #poll(): Promise<void> {
    this.#isPolling = true;
    if (!document.hidden) {
      try {
        const answer = await changes(this.#cursor);
        this.#setConnected(true);
        if (answer.gap || answer.runs.length > 0 || answer.projects.length > 0) this.#receive(answer);
        this.#cursor = answer.cursor;
      } catch {
        this.#setConnected(false); // shown as "reconnecting"; the next poll asks again
      }
    }
    setTimeout(() => void this.#poll(), POLL_MS);
  }
}

/** The change hints of this tab. */
export const live = new Live();
