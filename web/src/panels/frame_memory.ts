// Which frame to draw while a zoom is on its way: zooming out must not wait for the server.
import type { Range } from '../base/geom';
import type { SeriesFrame } from '../data/series';

/**
 * Remembers the last frame of the whole range and which range a zoomed frame was for.
 *
 * A panel is given one frame after the other without their ranges: a new frame belongs to the zoom at its arrival.
 */
export class FrameMemory {
  #whole: SeriesFrame | null = null;
  #zoomed: { frame: SeriesFrame; range: Range } | null = null;

  /** The frame to draw for this zoom: the newest one when it covers the range, else the whole one. */
  pick(frame: SeriesFrame | null, zoom: Range | null): SeriesFrame | null {
    if (frame === null) return null;
    if (frame !== this.#whole && frame !== this.#zoomed?.frame) {
      if (zoom === null) this.#whole = frame;
      else this.#zoomed = { frame, range: zoom };
    }
    if (frame !== this.#zoomed?.frame || this.#whole?.x !== frame.x) return frame;
    const { range } = this.#zoomed;
    const isCovered = zoom !== null && zoom.min >= range.min && zoom.max <= range.max;
    return isCovered ? frame : this.#whole;
  }
}
