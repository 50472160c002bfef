// The column rasteriser: curves to pixels, a pure function. Deterministic, so that it is tested pixel for pixel in Node.
//
// Each pixel column is cut into a few upright strips. Per strip the interval of y that a line covers is found exactly
// (crossing samples included, so that no spike is ever lost), widened by a round brush over the neighbouring strips,
// and summed into the column's coverage. Cost is bounded by columns × curves, not by samples: those are scanned once.
import { type Curve, type Stroke, lowerBound, upperBound } from './curve';
import { type Scale, invert, project, projectInto } from './scale';
import { emaDebiased } from './smooth';

/** What is looked at. width, height: in device pixels; ratio: device pixels of a CSS pixel. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly ratio: number;
  readonly x: Scale;
  readonly y: Scale;
}

/**
 * The picture: straight-alpha RGBA on a transparent ground, view.width × view.height × 4 bytes.
 *
 * strokes[i] belongs to curves[i]; null leaves the curve out. Envelopes lie lowest, then unsmoothed lines, then lines,
 * each in the order of `curves`.
 */
export function raster(
  curves: readonly Curve[],
  strokes: readonly (Stroke | null)[],
  view: View,
): Uint8ClampedArray<ArrayBuffer> {
  const canvas = new Canvas(view);
  const shown = curves.flatMap((curve, i) => {
    const stroke = strokes[i];
    return stroke ? [{ curve, stroke }] : [];
  });
  for (const { curve, stroke } of shown) if (stroke.band > 0) canvas.band(curve, stroke);
  for (const { curve, stroke } of shown) {
    if (stroke.smoothing > 0 && stroke.ghost > 0) canvas.line(curve, curve.y, stroke, stroke.ghost, true);
  }
  for (const { curve, stroke } of shown) {
    const y = emaDebiased(curve.y, stroke.smoothing);
    canvas.line(curve, y, stroke, stroke.opacity, stroke.smoothing === 0);
  }
  return canvas.finish();
}

/** Strips beyond both edges of the picture, so that the brush reaches in from outside. */
const MARGIN = 24;
/** Radius in CSS pixels of the dot that stands for a sample without neighbours. */
const DOT = 1.8;
/** The same where the sample has an envelope, which is a bar then. */
const DOT_ON_BAR = 3;
const DASH_ON = 5;
const DASH_PERIOD = 8;
/** What is left of the line between dashes: never nothing, or a spike could vanish there. */
const DASH_REST = 0.22;

/** Intervals of y per strip; from > to where there is nothing. */
class Strips {
  readonly from: Float64Array;
  readonly to: Float64Array;
  constructor(count: number) {
    this.from = new Float64Array(count);
    this.to = new Float64Array(count);
  }
  clear(): void {
    this.from.fill(Infinity);
    this.to.fill(-Infinity);
  }
}

/** The calmer edge of an envelope at two strips; where there is no envelope its edge is infinite. */
function calmer(edge: Float64Array, a: number, b: number, pick: (one: number, other: number) => number): number {
  const one = edge[a] as number;
  const other = edge[b] as number;
  if (!isFinite(one)) return other;
  return isFinite(other) ? pick(one, other) : one;
}

class Canvas {
  readonly #view: View;
  /** Strips in a pixel column. */
  readonly #cut: number;
  readonly #columns: number;
  readonly #pixels: Uint32Array<ArrayBuffer>;
  readonly #line: Strips;
  readonly #upper: Strips;
  readonly #lower: Strips;
  /** Change of coverage from one pixel to the one below, for the column at work. */
  readonly #change: Float64Array;
  #first = 0;
  #last = -1;
  #px = new Float64Array(0);
  #py = new Float64Array(0);
  readonly #dots: number[] = [];

  constructor(view: View) {
    this.#view = view;
    this.#cut = view.ratio < 1.5 ? 4 : 2;
    this.#columns = view.width * this.#cut + 2 * MARGIN;
    this.#pixels = new Uint32Array(view.width * view.height);
    this.#line = new Strips(this.#columns);
    this.#upper = new Strips(this.#columns);
    this.#lower = new Strips(this.#columns);
    this.#change = new Float64Array(view.height + 2);
  }

  /** Draws the envelope of a curve, when it has one. */
  band(curve: Curve, stroke: Stroke): void {
    if (!this.#sweepEnvelope(curve)) return;
    const { from } = this.#upper;
    const { to } = this.#lower;
    const alpha = (256 * stroke.band) / this.#cut;
    for (let column = 0; column < this.#view.width; column++) {
      const start = MARGIN + column * this.#cut;
      for (let k = start; k < start + this.#cut; k++) this.#cover(from[k] as number, to[k] as number);
      this.#blend(column, alpha, stroke.color);
    }
  }

  /** Draws y over the x of a curve. spikes: let the line reach to where the envelope leaves its surroundings. */
  line(curve: Curve, y: Float64Array, stroke: Stroke, opacity: number, spikes: boolean): void {
    const ratio = this.#view.ratio;
    this.#dots.length = 0;
    this.#sweep(curve.x, y, this.#line, this.#dots);
    if (spikes && this.#sweepEnvelope(curve)) {
      this.#reachSpikes();
      this.#reachLoneSpikes(curve, y);
    }
    const radius = Math.max(0.5, (stroke.width * ratio) / 2);
    this.#brush(radius, opacity, stroke);
    const dot = Math.max((curve.hi === null ? DOT : DOT_ON_BAR) * ratio, radius * 1.4);
    for (let i = 0; i < this.#dots.length; i += 2) {
      this.#dot(this.#dots[i] as number, this.#dots[i + 1] as number, dot, opacity, stroke.color);
    }
  }

  /** The finished picture. The canvas is of no use afterwards. */
  finish(): Uint8ClampedArray<ArrayBuffer> {
    const bytes = new Uint8ClampedArray(this.#pixels.buffer);
    for (let i = 0; i < this.#pixels.length; i++) {
      const alpha = (this.#pixels[i] as number) >>> 24;
      if (alpha === 0 || alpha === 255) continue;
      const factor = 255 / alpha;
      const at = i * 4;
      bytes[at] = (bytes[at] as number) * factor;
      bytes[at + 1] = (bytes[at + 1] as number) * factor;
      bytes[at + 2] = (bytes[at + 2] as number) * factor;
    }
    return bytes;
  }

  #sweepEnvelope(curve: Curve): boolean {
    if (curve.hi === null || curve.lo === null) return false;
    this.#sweep(curve.x, curve.hi, this.#upper, null);
    this.#sweep(curve.x, curve.lo, this.#lower, null);
    return true;
  }

  /** Fills `strips` with the intervals that the line through the samples covers; samples without neighbours go to dots. */
  #sweep(x: Float64Array, y: Float64Array, strips: Strips, dots: number[] | null): void {
    strips.clear();
    const { view, range } = { view: this.#view, range: this.#window(x) };
    const count = range.to - range.from;
    if (count <= 0) return;
    if (this.#px.length < count) {
      this.#px = new Float64Array(count);
      this.#py = new Float64Array(count);
    }
    const px = this.#px;
    const py = this.#py;
    projectInto(view.x, x, range.from, range.to, MARGIN, view.width * this.#cut, px);
    projectInto(view.y, y, range.from, range.to, view.height, -view.height, py);
    const { from, to } = strips;
    const last = this.#columns - 1;
    let open = false;
    let x0 = 0;
    let y0 = 0;
    let k0 = 0;
    for (let i = 0; i < count; i++) {
      const x1 = px[i] as number;
      const y1 = py[i] as number;
      if (y1 - y1 !== 0 || x1 !== x1) {
        open = false;
        continue;
      }
      const k1 = Math.floor(x1);
      if (!open) {
        if (dots !== null && !isFinite(i + 1 < count ? (py[i + 1] as number) : NaN)) dots.push(x1, y1);
      } else if (k1 > k0) {
        const slope = (y1 - y0) / (x1 - x0);
        const start = Math.max(k0, 0);
        const stop = Math.min(k1, last + 1);
        let left = start === k0 ? y0 : y0 + (start - x0) * slope;
        for (let k = start; k < stop; k++) {
          const right = y0 + (k + 1 - x0) * slope;
          if (left < right) {
            if (left < (from[k] as number)) from[k] = left;
            if (right > (to[k] as number)) to[k] = right;
          } else {
            if (right < (from[k] as number)) from[k] = right;
            if (left > (to[k] as number)) to[k] = left;
          }
          left = right;
        }
        if (k1 <= last && k1 >= 0) {
          if (left < (from[k1] as number)) from[k1] = left;
          if (left > (to[k1] as number)) to[k1] = left;
        }
      }
      if (k1 >= 0 && k1 <= last) {
        if (y1 < (from[k1] as number)) from[k1] = y1;
        if (y1 > (to[k1] as number)) to[k1] = y1;
      }
      open = true;
      x0 = x1;
      y0 = y1;
      k0 = k1;
    }
  }

  /** The samples that can touch the picture: those in view and one more on each side. */
  #window(x: Float64Array): { from: number; to: number } {
    const { x: scale, width } = this.#view;
    const reach = MARGIN / this.#cut / width;
    const from = lowerBound(x, invert(scale, -reach)) - 1;
    const to = upperBound(x, invert(scale, 1 + reach)) + 1;
    return { from: Math.max(0, from), to: Math.min(x.length, to) };
  }

  /**
   * Where the envelope stands out of what is left and right of it, the line itself goes there: the one bucket of a
   * thousand that holds an outlier is drawn in full, not as a breath of shade.
   */
  #reachSpikes(): void {
    const cut = this.#cut;
    const near = Math.min(MARGIN - 1, Math.round(2 * this.#view.ratio * cut));
    const far = Math.min(MARGIN, Math.round(3 * this.#view.ratio * cut));
    const least = 3 * this.#view.ratio;
    const { from: tops } = this.#upper;
    const { to: bottoms } = this.#lower;
    const { from, to } = this.#line;
    for (let k = MARGIN; k < this.#columns - MARGIN; k++) {
      const top = tops[k] as number;
      const bottom = bottoms[k] as number;
      if (top > bottom) continue;
      // Of two neighbours on a side the calmer one counts: the other may be a spike of its own.
      const roof = Math.min(calmer(tops, k - near, k - far, Math.max), calmer(tops, k + near, k + far, Math.max));
      const floor = Math.max(
        calmer(bottoms, k - near, k - far, Math.min),
        calmer(bottoms, k + near, k + far, Math.min),
      );
      const alone = roof > floor;
      const usual = alone ? 0 : 0.6 * (floor - roof);
      if (alone || roof - top > Math.max(least, usual)) from[k] = Math.min(from[k] as number, top);
      if (alone || bottom - floor > Math.max(least, usual)) to[k] = Math.max(to[k] as number, bottom);
      if ((from[k] as number) > (to[k] as number)) {
        from[k] = top;
        to[k] = bottom;
      }
    }
  }

  /**
   * The same for samples that stand apart, where the envelope slopes away too gently to stand out of the next pixels:
   * the line goes to where a sample's envelope leaves those of the samples before and after it, and the line itself.
   */
  #reachLoneSpikes({ x, lo, hi }: Curve, y: Float64Array): void {
    if (lo === null || hi === null) return;
    const { x: scaleX, y: scaleY, width, height, ratio } = this.#view;
    const cut = this.#cut;
    const least = 3 * ratio;
    const stripOf = (i: number): number => MARGIN + Math.floor(project(scaleX, x[i] as number) * width * cut);
    const isNear = (i: number, k: number): boolean => i in x && Math.abs(stripOf(i) - k) <= least * cut;
    const rowOf = (values: Float64Array, i: number): number => (1 - project(scaleY, values[i] as number)) * height;
    const { from, to } = this.#line;
    const range = this.#window(x);
    for (let i = range.from; i < range.to; i++) {
      const k = stripOf(i);
      if (!(k >= 0 && k < this.#columns) || isNear(i - 1, k) || isNear(i + 1, k)) continue;
      const beside = [i - 1, i + 1].filter((j) => isFinite(lo[j] ?? NaN) && isFinite(hi[j] ?? NaN));
      if (beside.length === 0) continue;
      const top = rowOf(hi, i);
      const bottom = rowOf(lo, i);
      const roof = Math.min(...beside.map((j) => rowOf(hi, j)));
      const floor = Math.max(...beside.map((j) => rowOf(lo, j)));
      const usual = Math.max(least, 0.6 * (floor - roof));
      // Where the line itself climbs or falls, its envelope does so along with it.
      const rise = rowOf(y, i) - top - Math.max(...beside.map((j) => rowOf(y, j) - rowOf(hi, j)));
      const drop = bottom - rowOf(y, i) - Math.max(...beside.map((j) => rowOf(lo, j) - rowOf(y, j)));
      if (Math.min(roof - top, rise) > usual) from[k] = Math.min(from[k] as number, top);
      if (Math.min(bottom - floor, drop) > usual) to[k] = Math.max(to[k] as number, bottom);
    }
  }

  /** Draws the swept line with a round brush. radius: in device pixels. */
  #brush(radius: number, opacity: number, stroke: Stroke): void {
    const cut = this.#cut;
    const reach = Math.min(MARGIN, Math.max(0, Math.round(radius * cut - 0.51)));
    const bulge = Float64Array.from({ length: reach + 1 }, (_, j) =>
      Math.sqrt(Math.max(0, radius ** 2 - (j / cut) ** 2)),
    );
    const { from, to } = this.#line;
    const full = (256 * opacity) / cut;
    for (let column = 0; column < this.#view.width; column++) {
      const start = MARGIN + column * cut;
      for (let k = start; k < start + cut; k++) {
        let top = Infinity;
        let bottom = -Infinity;
        for (let j = -reach; j <= reach; j++) {
          const h = bulge[j < 0 ? -j : j] as number;
          const a = (from[k + j] as number) - h;
          const b = (to[k + j] as number) + h;
          if (a < top) top = a;
          if (b > bottom) bottom = b;
        }
        this.#cover(top, bottom);
      }
      const isRest = stroke.dash && (column / this.#view.ratio) % DASH_PERIOD >= DASH_ON;
      this.#blend(column, isRest ? full * DASH_REST : full, stroke.color);
    }
  }

  /** x: in strips, y: in pixels. */
  #dot(x: number, y: number, radius: number, opacity: number, color: number): void {
    const cut = this.#cut;
    const centre = (x - MARGIN) / cut;
    const first = Math.max(0, Math.floor(centre - radius));
    const last = Math.min(this.#view.width - 1, Math.ceil(centre + radius));
    for (let column = first; column <= last; column++) {
      for (let s = 0; s < cut; s++) {
        const rest = radius ** 2 - (column + (s + 0.5) / cut - centre) ** 2;
        if (rest > 0) this.#cover(y - Math.sqrt(rest), y + Math.sqrt(rest));
      }
      this.#blend(column, (256 * opacity) / cut, color);
    }
  }

  /** Adds one strip's interval to the coverage of the column at work. */
  #cover(top: number, bottom: number): void {
    const height = this.#view.height;
    const a = top > 0 ? top : 0;
    const b = bottom < height ? bottom : height;
    if (!(a < b)) return;
    const change = this.#change;
    const i = a | 0;
    const j = b | 0;
    const partA = a - i;
    const partB = b - j;
    change[i] = (change[i] as number) + 1 - partA;
    change[i + 1] = (change[i + 1] as number) + partA;
    change[j] = (change[j] as number) - 1 + partB;
    change[j + 1] = (change[j + 1] as number) - partB;
    if (this.#last < 0) {
      this.#first = i;
      this.#last = j;
    } else {
      if (i < this.#first) this.#first = i;
      if (j > this.#last) this.#last = j;
    }
  }

  /** Blends the column's coverage in one colour and clears it. alpha: 0..256 for a coverage of one strip. */
  #blend(column: number, alpha: number, color: number): void {
    if (this.#last < 0) return;
    const { width, height } = this.#view;
    const change = this.#change;
    const pixels = this.#pixels;
    // Premultiplied RGBA, two channels at a time: red and blue, then green and alpha.
    const rb = ((color >> 16) & 0xff) | ((color & 0xff) << 16);
    const ga = ((color >> 8) & 0xff) | 0xff0000;
    const end = Math.min(this.#last + 1, height - 1);
    let sum = 0;
    let at = this.#first * width + column;
    for (let row = this.#first; row <= end; row++, at += width) {
      sum += change[row] as number;
      change[row] = 0;
      const a = (sum * alpha + 0.5) | 0;
      if (a <= 0) continue;
      const rest = 256 - a;
      const under = pixels[at] as number;
      const redBlue = (Math.imul(under & 0xff00ff, rest) + Math.imul(rb, a) + 0x800080) >>> 8;
      const greenAlpha = Math.imul((under >>> 8) & 0xff00ff, rest) + Math.imul(ga, a) + 0x800080;
      pixels[at] = (redBlue & 0xff00ff) | (greenAlpha & 0xff00ff00);
    }
    change[height] = 0;
    change[height + 1] = 0;
    this.#first = 0;
    this.#last = -1;
  }
}
