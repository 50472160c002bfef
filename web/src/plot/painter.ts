// The side of the worker: keeps the curves of each panel and draws them on request. Runs on the main thread as well,
// where there are no workers.
import type { Curve, Stroke } from './curve';
import { type View, raster } from './raster';

/** Asked of a painter. A panel's curves stay until they are replaced or dropped. */
export type Order =
  | { readonly kind: 'curves'; readonly panel: string; readonly curves: readonly Curve[] }
  | { readonly kind: 'draw'; readonly panel: string; readonly strokes: readonly (Stroke | null)[]; readonly view: View }
  | { readonly kind: 'drop'; readonly panel: string };

/** The answer to a draw order. */
export interface Drawing {
  readonly panel: string;
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  readonly width: number;
  readonly height: number;
}

/** Draws panels whose curves it was given before. */
export class Painter {
  readonly #curves = new Map<string, readonly Curve[]>();

  /** The drawing for a draw order, null for the others. */
  handle(order: Order): Drawing | null {
    switch (order.kind) {
      case 'curves':
        this.#curves.set(order.panel, order.curves);
        return null;
      case 'drop':
        this.#curves.delete(order.panel);
        return null;
      case 'draw': {
        const { panel, strokes, view } = order;
        const pixels = raster(this.#curves.get(panel) ?? [], strokes, view);
        return { panel, pixels, width: view.width, height: view.height };
      }
    }
  }
}
