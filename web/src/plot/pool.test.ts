import { describe, expect, it } from 'vitest';
import type { Curve, Stroke } from './curve';
import { type Drawing, type Order, Painter } from './painter';
import { type Hand, type Job, RasterPool } from './pool';
import { raster } from './raster';
import { scale } from './scale';

const curve: Curve = { x: Float64Array.of(0, 1), y: Float64Array.of(0, 1), lo: null, hi: null };
const stroke: Stroke = { color: 0x4457e0, width: 2, opacity: 1, dash: false, band: 0, smoothing: 0, ghost: 0 };
const job = (panel: string, hi = 1, curves: readonly Curve[] = [curve]): Job => ({
  panel,
  curves,
  strokes: [stroke],
  view: { width: 20, height: 10, ratio: 1, x: scale('linear', 0, 1), y: scale('linear', 0, hi) },
});

/** A worker whose answers come when the test says so. */
class SlowHand implements Hand {
  onmessage: ((event: MessageEvent<Drawing>) => void) | null = null;
  onerror: ((event: ErrorEvent) => void) | null = null;
  readonly orders: Order[] = [];
  readonly #painter = new Painter();
  ended = false;
  postMessage(order: Order): void {
    this.orders.push(order);
  }
  answer(): void {
    for (const order of this.orders.splice(0)) {
      const drawing = this.#painter.handle(order);
      if (drawing) this.onmessage?.({ data: drawing } as MessageEvent<Drawing>);
    }
  }
  fail(): void {
    this.onerror?.({ preventDefault: () => undefined } as ErrorEvent);
  }
  terminate(): void {
    this.ended = true;
  }
  kinds(): string {
    return this.orders.map((order) => `${order.kind}:${order.panel}`).join(' ');
  }
}

function slowPool(): { pool: RasterPool; hand: SlowHand } {
  const hand = new SlowHand();
  return { pool: new RasterPool(1, () => hand), hand };
}

describe('RasterPool', () => {
  it('draws what raster draws', async () => {
    const { pool, hand } = slowPool();
    const drawn = pool.draw(job('a'));
    hand.answer();
    expect((await drawn)?.pixels).toEqual(raster([curve], [stroke], job('a').view));
  });

  it('sends curves once, until they change or are released', async () => {
    const { pool, hand } = slowPool();
    const curves = [curve];
    const first = pool.draw(job('a', 1, curves));
    expect(hand.kinds()).toBe('curves:a draw:a');
    hand.answer();
    await first;
    const second = pool.draw(job('a', 2, curves));
    expect(hand.kinds()).toBe('draw:a');
    hand.answer();
    await second;
    pool.release('a');
    expect(hand.kinds()).toBe('drop:a');
    void pool.draw(job('a', 2, curves));
    expect(hand.kinds()).toBe('drop:a curves:a draw:a');
  });

  it('lets a newer request of a panel overtake the waiting one', async () => {
    const { pool, hand } = slowPool();
    const first = pool.draw(job('a', 1));
    const overtaken = pool.draw(job('a', 2));
    const last = pool.draw(job('a', 3));
    expect(await overtaken).toBeNull();
    hand.answer();
    expect(await first).not.toBeNull();
    hand.answer();
    expect((await last)?.pixels).toEqual(raster([curve], [stroke], job('a', 3).view));
  });

  it('cancels what was released, waiting or under way', async () => {
    const { pool, hand } = slowPool();
    const underWay = pool.draw(job('a'));
    const waiting = pool.draw(job('b'));
    const kept = pool.draw(job('c'));
    pool.release('b');
    pool.release('a');
    expect(await waiting).toBeNull();
    expect(await underWay).toBeNull();
    hand.answer();
    hand.answer();
    expect((await kept)?.panel).toBe('c');
  });

  it('spreads panels over its workers', () => {
    const hands: SlowHand[] = [];
    const pool = new RasterPool(2, () => {
      const hand = new SlowHand();
      hands.push(hand);
      return hand;
    });
    void pool.draw(job('a'));
    void pool.draw(job('b'));
    expect(hands.map((hand) => hand.kinds())).toEqual(['curves:a draw:a', 'curves:b draw:b']);
    pool.close();
    expect(hands.every((hand) => hand.ended)).toBe(true);
  });

  it('goes on by itself when no worker can be started', async () => {
    const pool = new RasterPool(1, () => {
      throw new Error('refused by the page policy');
    });
    expect((await pool.draw(job('a')))?.panel).toBe('a');
    expect((await pool.draw(job('b')))?.panel).toBe('b');
  });

  it('goes on by itself, with the lost request, when the worker fails', async () => {
    const { pool, hand } = slowPool();
    const lost = pool.draw(job('a'));
    const waiting = pool.draw(job('b'));
    hand.fail();
    expect((await lost)?.pixels).toEqual(raster([curve], [stroke], job('a').view));
    expect((await waiting)?.panel).toBe('b');
    expect(hand.ended).toBe(true);
  });
});
