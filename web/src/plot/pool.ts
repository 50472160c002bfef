// Workers that draw panels. A panel keeps to one worker, so that its curves cross over once; a newer request replaces
// the waiting one of the same panel; what scrolled away is cancelled. The main thread never waits.
import type { Curve, Stroke } from './curve';
import { type Drawing, type Order, Painter } from './painter';
import type { View } from './raster';

/** One panel's request. Curves are compared by identity: the same ones are not sent twice. */
export interface Job {
  readonly panel: string;
  readonly curves: readonly Curve[];
  readonly strokes: readonly (Stroke | null)[];
  readonly view: View;
}

/** What the pool needs of a Worker. */
export interface Hand {
  postMessage(order: Order): void;
  onmessage: ((event: MessageEvent<Drawing>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

interface Waiting {
  readonly job: Job;
  readonly settle: (drawing: Drawing | null) => void;
}

export class RasterPool {
  readonly #lanes: Lane[];
  readonly #home = new Map<string, Lane>();

  /** count: workers. make: starts one; when it throws or the worker fails, its lane draws on the main thread instead. */
  constructor(count: number, make: () => Hand) {
    this.#lanes = Array.from({ length: Math.max(1, count) }, () => new Lane(make));
  }

  /** The picture of a job; null when a newer request of the same panel, or `release`, overtook it. */
  draw(job: Job): Promise<Drawing | null> {
    let lane = this.#home.get(job.panel);
    if (lane === undefined) {
      lane = this.#lanes.reduce((least, other) => (other.panels.size < least.panels.size ? other : least));
      this.#home.set(job.panel, lane);
      lane.panels.add(job.panel);
    }
    return lane.draw(job);
  }

  /** Cancels a waiting request of the panel and forgets its curves. */
  release(panel: string): void {
    this.#home.get(panel)?.release(panel);
    this.#home.delete(panel);
  }

  /** Ends the workers. Waiting requests come back as null. */
  close(): void {
    for (const panel of [...this.#home.keys()]) this.release(panel);
    for (const lane of this.#lanes) lane.close();
  }
}

function isSame(a: readonly Curve[] | undefined, b: readonly Curve[]): boolean {
  return a?.length === b.length && a.every((curve, i) => curve === b[i]);
}

/** One worker and its queue. One order is under way at a time, so that waiting ones can still be replaced. */
class Lane {
  readonly panels = new Set<string>();
  readonly #sent = new Map<string, readonly Curve[]>();
  readonly #queue = new Map<string, Waiting>();
  readonly #make: () => Hand;
  #hand: Hand | null = null;
  #current: Waiting | null = null;

  constructor(make: () => Hand) {
    this.#make = make;
  }

  draw(job: Job): Promise<Drawing | null> {
    return new Promise((settle) => {
      this.#queue.get(job.panel)?.settle(null);
      this.#queue.set(job.panel, { job, settle });
      this.#next();
    });
  }

  release(panel: string): void {
    this.#queue.get(panel)?.settle(null);
    this.#queue.delete(panel);
    this.panels.delete(panel);
    if (this.#current?.job.panel === panel) {
      this.#current.settle(null);
      this.#current = { job: this.#current.job, settle: () => undefined };
    }
    if (this.#sent.delete(panel)) this.#hand?.postMessage({ kind: 'drop', panel });
  }

  close(): void {
    this.#hand?.terminate();
    this.#hand = null;
    this.#current = null;
  }

  #next(): void {
    if (this.#current !== null) return;
    const first = this.#queue.entries().next();
    if (first.done) return;
    const [panel, waiting] = first.value;
    this.#queue.delete(panel);
    this.#current = waiting;
    this.#post(waiting.job);
  }

  #post({ panel, curves, strokes, view }: Job): void {
    this.#hand ??= this.#start();
    if (!isSame(this.#sent.get(panel), curves)) {
      this.#sent.set(panel, curves);
      this.#hand.postMessage({ kind: 'curves', panel, curves });
    }
    this.#hand.postMessage({ kind: 'draw', panel, strokes, view });
  }

  #start(): Hand {
    let hand: Hand;
    try {
      hand = this.#make();
    } catch {
      // A page policy or an old browser refuses workers: charts then cost time on the main thread, and are still drawn.
      hand = new LocalHand();
    }
    hand.onmessage = (event) => {
      const done = this.#current;
      this.#current = null;
      done?.settle(event.data);
      this.#next();
    };
    hand.onerror = (event) => {
      event.preventDefault();
      this.#fallBack();
    };
    return hand;
  }

  /** The worker is lost (its script did not load, or it ran out of memory): go on here, with the order it had. */
  #fallBack(): void {
    this.#hand?.terminate();
    const lost = this.#current;
    this.#current = null;
    this.#sent.clear();
    const local = new LocalHand();
    local.onmessage = this.#hand?.onmessage ?? null;
    this.#hand = local;
    if (lost !== null) {
      this.#current = lost;
      this.#post(lost.job);
    }
  }
}

/** A painter on this thread that answers later, as a worker does. */
class LocalHand implements Hand {
  onmessage: ((event: MessageEvent<Drawing>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly #painter = new Painter();

  postMessage(order: Order): void {
    if (order.kind !== 'draw') {
      this.#painter.handle(order);
      return;
    }
    setTimeout(() => {
      const drawing = this.#painter.handle(order);
      if (drawing !== null) this.onmessage?.({ data: drawing } as MessageEvent<Drawing>);
    }, 0);
  }

  terminate(): void {
    this.onmessage = null;
  }
}

let shared: RasterPool | null = null;

/** The pool of this page; its workers start with the first drawing. */
export function rasterPool(): RasterPool {
  shared ??= new RasterPool(
    Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)),
    () =>
      new Worker(new URL('./raster.worker.ts', import.meta.url), { type: 'module', name: 'raster' }) as unknown as Hand,
  );
  return shared;
}
