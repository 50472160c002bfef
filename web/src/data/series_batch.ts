// Panels that ask for the same runs over the same range at the same moment share one request.
import { series } from './client';
import type { RunPath, SeriesRequest } from './messages';
import { readSeriesFrame, type SeriesFrame } from './series';

/** What one panel asks for. */
export interface PanelRequest {
  runs: readonly RunPath[];
  metrics: readonly string[];
  x: string;
  xMin: number | null;
  xMax: number | null;
  buckets: number;
  stream: 'history' | 'system';
}

const RAW_LIMIT = 2000;
/** A batch is sent at once when it holds this many; it may hold those of one more panel. */
const MOST_METRICS = 8;
const WAIT_MS = 8;

type Send = (request: SeriesRequest, signal: AbortSignal) => Promise<SeriesFrame>;

interface Waiter {
  metrics: readonly string[];
  signal: AbortSignal;
  resolve(frame: SeriesFrame): void;
  reject(reason: unknown): void;
}

interface Batch {
  request: Omit<SeriesRequest, 'metrics'>;
  waiters: Waiter[];
}

function aborted(): DOMException {
  return new DOMException('cancelled', 'AbortError');
}

// One buffer holds a frame; the same answer (a 304) keeps its decoded form and so its identity.
const decoded = new WeakMap<ArrayBuffer, SeriesFrame>();

async function fetchFrame(request: SeriesRequest, signal: AbortSignal): Promise<SeriesFrame> {
  const buffer = await series(request, signal);
  let frame = decoded.get(buffer);
  if (!frame) {
    frame = readSeriesFrame(buffer);
    decoded.set(buffer, frame);
  }
  return frame;
}

function ofMetrics(frame: SeriesFrame, metrics: readonly string[]): SeriesFrame {
  return { ...frame, lines: frame.lines.filter((line) => metrics.includes(line.metric)) };
}

const namesOf = (waiters: readonly Waiter[]): string[] => [...new Set(waiters.flatMap((waiter) => waiter.metrics))];

/** Collects requests for a few milliseconds and sends them together. */
export class SeriesBatcher {
  #open = new Map<string, Batch>();
  #send: Send;
  #wait: number;

  constructor(send: Send = fetchFrame, waitMs = WAIT_MS) {
    this.#send = send;
    this.#wait = waitMs;
  }

  /** The frame of one panel. A metric as x has its own grid, so such panels are asked for alone. */
  load(panel: PanelRequest, signal: AbortSignal): Promise<SeriesFrame> {
    const request = {
      runs: [...panel.runs],
      x: panel.x,
      x_min: panel.xMin,
      x_max: panel.xMax,
      buckets: panel.buckets,
      raw_limit: RAW_LIMIT,
      stream: panel.stream,
    };
    if (!panel.x.startsWith('_')) return this.#send({ ...request, metrics: [...panel.metrics] }, signal);
    if (signal.aborted) return Promise.reject(aborted());
    const key = JSON.stringify(request);
    return new Promise((resolve, reject) => {
      let batch = this.#open.get(key);
      if (!batch) {
        const fresh: Batch = { request, waiters: [] };
        batch = fresh;
        this.#open.set(key, fresh);
        setTimeout(() => this.#close(key, fresh), this.#wait);
      }
      batch.waiters.push({ metrics: panel.metrics, signal, resolve, reject });
      if (namesOf(batch.waiters).length >= MOST_METRICS) this.#close(key, batch);
    });
  }

  #close(key: string, batch: Batch): void {
    if (this.#open.get(key) !== batch) return;
    this.#open.delete(key);
    void this.#run(batch);
  }

  async #run(batch: Batch): Promise<void> {
    const abort = new AbortController();
    let left = batch.waiters.length;
    for (const waiter of batch.waiters) {
      const leave = (): void => {
        waiter.reject(aborted());
        left -= 1;
        if (left === 0) abort.abort();
      };
      if (waiter.signal.aborted) leave();
      else waiter.signal.addEventListener('abort', leave, { once: true });
    }
    if (left === 0) return;
    const metrics = namesOf(batch.waiters).sort();
    try {
      const frame = await this.#send({ ...batch.request, metrics }, abort.signal);
      for (const waiter of batch.waiters) waiter.resolve(ofMetrics(frame, waiter.metrics));
    } catch (reason) {
      for (const waiter of batch.waiters) waiter.reject(reason);
    }
  }
}

const batcher = new SeriesBatcher();

/** The frame of one panel, from a request shared with its neighbours. */
export function loadSeries(panel: PanelRequest, signal: AbortSignal): Promise<SeriesFrame> {
  return batcher.load(panel, signal);
}
