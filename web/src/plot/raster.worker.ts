// A module worker around one Painter. Pixels go back without being copied.
import { type Order, Painter } from './painter';

const painter = new Painter();

self.onmessage = (event: MessageEvent<Order>): void => {
  const drawing = painter.handle(event.data);
  if (drawing !== null) self.postMessage(drawing, { transfer: [drawing.pixels.buffer] });
};
