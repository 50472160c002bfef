import { describe, expect, it } from 'vitest';
import type { Curve, Stroke } from './curve';
import { decodePng, differenceFromStored, encodePng } from './picture';
import { type View, raster } from './raster';
import { type ScaleKind, scale } from './scale';

const curve = (x: ArrayLike<number>, y: ArrayLike<number>, lo?: ArrayLike<number>, hi?: ArrayLike<number>): Curve => ({
  x: Float64Array.from(x),
  y: Float64Array.from(y),
  lo: lo ? Float64Array.from(lo) : null,
  hi: hi ? Float64Array.from(hi) : null,
});
const stroke = (change: Partial<Stroke> = {}): Stroke => ({
  color: 0x4457e0,
  width: 1.5,
  opacity: 1,
  dash: false,
  band: 0,
  smoothing: 0,
  ghost: 0,
  ...change,
});
const view = (x: [number, number], y: [number, number], change: Partial<View> & { kind?: ScaleKind } = {}): View => ({
  width: 240,
  height: 120,
  ratio: 1,
  x: scale('linear', ...x),
  y: scale(change.kind ?? 'linear', ...y),
  ...change,
});
/** Deterministic noise in -1..1. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  };
}
const sequence = (n: number, f: (i: number) => number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => f(i));

function draw(curves: Curve[], strokes: (Stroke | null)[], at: View) {
  return { width: at.width, height: at.height, pixels: raster(curves, strokes, at) };
}
type Drawn = ReturnType<typeof draw>;
const alphaAt = ({ width, pixels }: Drawn, x: number, y: number): number => pixels[(y * width + x) * 4 + 3] as number;
function columnAlpha(drawn: Drawn, x: number): number[] {
  return Array.from({ length: drawn.height }, (_, y) => alphaAt(drawn, x, y));
}
function topOf(drawn: Drawn, least = 128): number {
  const at = drawn.pixels.findIndex((value, i) => i % 4 === 3 && value >= least);
  return at < 0 ? -1 : Math.floor(at / 4 / drawn.width);
}

describe('pictures', () => {
  const loss = (seed: number, n: number, level: number) => {
    const next = noise(seed);
    return sequence(n, (i) => level + (2.2 - level) * Math.exp((-6 * i) / n) + 0.04 * next());
  };
  const x1500 = sequence(1500, (i) => i);
  const scenes: Record<string, () => Drawn> = {
    lines: () =>
      draw(
        [1, 2, 3].map((k) => curve(x1500, loss(k, 1500, k * 0.2))),
        [0x4457e0, 0xd1495b, 0x1f9d83].map((color) => stroke({ color })),
        view([0, 1499], [0, 2.4]),
      ),
    'lines-ratio-2': () =>
      draw(
        [1, 2, 3].map((k) => curve(x1500, loss(k, 1500, k * 0.2))),
        [0x4457e0, 0xd1495b, 0x1f9d83].map((color) => stroke({ color })),
        view([0, 1499], [0, 2.4], { width: 480, height: 240, ratio: 2 }),
      ),
    slopes: () =>
      draw(
        [
          curve([0, 10, 20, 21, 40, 60, 60.5, 61, 100], [5, 5, 95, 10, 50, 50, 98, 50, 2]),
          curve([0, 100], [100, 0]),
          curve([0, 4, 8, 12, 16, 20, 24], [80, 90, 80, 90, 80, 90, 80]),
        ],
        [stroke({ width: 2 }), stroke({ color: 0xd1495b, opacity: 0.5 }), stroke({ color: 0x1f9d83, width: 1 })],
        view([0, 100], [0, 100]),
      ),
    gaps: () =>
      draw(
        [
          curve(
            sequence(60, (i) => i),
            sequence(60, (i) => (i % 20 > 15 ? NaN : i === 30 ? Infinity : Math.sin(i / 6))),
          ),
          curve([5, 15, 25, 35, 45], [0.5, NaN, 0.5, NaN, -0.5]),
        ],
        [stroke(), stroke({ color: 0xd1495b })],
        view([0, 59], [-1.2, 1.2]),
      ),
    envelope: () => {
      const next = noise(9);
      const wide = sequence(400, (i) => 0.1 + 0.08 * Math.abs(Math.sin(i / 40)) + 0.03 * Math.abs(next()));
      const mid = sequence(400, (i) => 0.5 + 0.3 * Math.sin(i / 60));
      return draw(
        [
          curve(
            sequence(400, (i) => i),
            mid,
            mid.map((v, i) => v - (wide[i] as number)),
            mid.map((v, i) => v + (wide[i] as number)),
          ),
        ],
        [stroke({ band: 0.18 })],
        view([0, 399], [0, 1]),
      );
    },
    'log-axis': () =>
      draw(
        [
          curve(
            x1500,
            sequence(1500, (i) => 10 ** (3 - i / 250)),
          ),
          curve(
            x1500,
            sequence(1500, (i) => (i % 300 < 40 ? 0 : i / 100)),
          ),
        ],
        [stroke(), stroke({ color: 0xd1495b })],
        view([0, 1499], [5e-4, 2e3], { kind: 'log' }),
      ),
    smoothed: () => {
      const next = noise(4);
      return draw(
        [
          curve(
            x1500,
            sequence(1500, (i) => Math.exp(-i / 400) + 0.25 * next()),
          ),
        ],
        [stroke({ smoothing: 0.98, ghost: 0.3, width: 2 })],
        view([0, 1499], [-0.3, 1.3]),
      );
    },
    dashed: () => draw([curve([0, 50, 100], [10, 90, 30])], [stroke({ dash: true })], view([0, 100], [0, 100])),
    'many-thin': () =>
      draw(
        Array.from({ length: 60 }, (_, k) => curve(x1500, loss(k + 1, 1500, (k % 20) * 0.04))),
        Array.from({ length: 60 }, (_, k) =>
          stroke({ color: [0x4457e0, 0xd1495b, 0x1f9d83][k % 3] as number, opacity: 0.5, width: 1 }),
        ),
        view([0, 1499], [0, 2.4]),
      ),
  };
  it.each(Object.entries(scenes))('%s', (name, scene) => {
    expect(differenceFromStored(name, scene())).toBeNull();
  });
  it('survive being written and read', () => {
    const drawn = (scenes['slopes'] as () => Drawn)();
    expect(decodePng(encodePng(drawn))).toEqual(drawn);
  });
});

describe('a single outlier', () => {
  const n = 1_000_000;
  const spiked = (at: number) => {
    const next = noise(5);
    const y = sequence(n, () => 1 + 0.2 * next());
    y[at] = 50;
    return curve(
      sequence(n, (i) => i),
      y,
    );
  };
  it.each([
    [1, 0, 1],
    [1, 333_333, 1],
    [1, n - 1, 0.5],
    [2, 700_001, 1],
    [3, 12, 0.5],
  ])('among a million samples is drawn at ratio %d, place %d, opacity %d', (ratio, at, opacity) => {
    const drawn = draw(
      [spiked(at)],
      [stroke({ opacity })],
      view([0, n - 1], [0, 52], { width: 240 * ratio, height: 120 * ratio, ratio }),
    );
    expect(topOf(drawn, 30)).toBeLessThanOrEqual(Math.floor((2 / 52) * 120 * ratio));
  });
  it('is drawn in a dash gap, on a log axis, behind smoothing', () => {
    const wide = view([0, n - 1], [0, 52]);
    for (let shift = 0; shift < 8; shift++) {
      expect(topOf(draw([spiked(500_000 + shift * 4167)], [stroke({ dash: true })], wide), 20)).toBeLessThan(6);
    }
    expect(topOf(draw([spiked(5000)], [stroke()], view([0, n - 1], [0.5, 60], { kind: 'log' })))).toBeLessThan(8);
    expect(topOf(draw([spiked(5000)], [stroke({ smoothing: 0.99, ghost: 0.3 })], wide), 20)).toBeLessThan(6);
  });
  it('in one bucket of an envelope is drawn as a line, not as shade', () => {
    const buckets = 1000;
    const next = noise(6);
    const lo = sequence(buckets, () => 0.8 + 0.05 * next());
    const hi = sequence(buckets, () => 1.2 + 0.05 * next());
    const mean = sequence(buckets, () => 1);
    for (const at of [0, 1, 499, 998, 999]) {
      const high = hi.slice();
      high[at] = 50;
      const drawn = draw(
        [
          curve(
            sequence(buckets, (i) => i * 1000),
            mean,
            lo,
            high,
          ),
        ],
        [stroke({ band: 0.15 })],
        view([-2000, 1_001_000], [0, 52]),
      );
      expect(topOf(drawn), `bucket ${at}`).toBeLessThan(7);
      expect(topOf(drawn), `bucket ${at}`).toBeGreaterThan(1);
    }
    const calm = draw(
      [
        curve(
          sequence(buckets, (i) => i),
          mean,
          lo,
          hi,
        ),
      ],
      [stroke({ band: 0.15 })],
      view([0, 999], [0, 2]),
    );
    const ink = columnAlpha(calm, 120).filter((alpha) => alpha > 128).length;
    expect(ink).toBeLessThanOrEqual(3);
  });
  it('below is drawn as well, and two near each other', () => {
    const x = sequence(240, (i) => i);
    const mean = sequence(240, () => 50);
    const lo = sequence(240, () => 49);
    const hi = sequence(240, () => 51);
    lo[100] = 2;
    hi[200] = 98;
    hi[203] = 98;
    const drawn = draw([curve(x, mean, lo, hi)], [stroke({ band: 0.15 })], view([0, 240], [0, 100]));
    const below = columnAlpha(drawn, 100).slice(100);
    expect(Math.max(...below)).toBeGreaterThan(128);
    for (const column of [200, 203]) expect(Math.max(...columnAlpha(drawn, column).slice(0, 10))).toBeGreaterThan(128);
  });
});

describe('what is covered', () => {
  it('is the exact interval of y in each column', () => {
    const next = noise(8);
    const n = 5000;
    const y = sequence(n, () => 50 + 45 * next());
    const x = sequence(n, (i) => (i / n) * 100);
    const drawn = draw([curve(x, y)], [stroke({ width: 1 })], view([0, 100], [0, 100], { width: 100, height: 200 }));
    for (let column = 1; column < 99; column++) {
      const inside = y.filter((_, i) => Math.floor(x[i] as number) === column);
      const top = Math.floor(200 - 2 * Math.max(...inside));
      const bottom = Math.floor(200 - 2 * Math.min(...inside));
      const alpha = columnAlpha(drawn, column);
      expect(alpha[top], `top of column ${column}`).toBeGreaterThan(0);
      expect(alpha[bottom], `bottom of column ${column}`).toBeGreaterThan(0);
    }
  });
  it('is as thick as asked, flat and steep', () => {
    const ink = (c: Curve, column: number, row: number, width: number, ratio: number) => {
      const at = view([0, 100], [0, 100], { width: 100 * ratio, height: 100 * ratio, ratio });
      const drawn = draw([c], [stroke({ width })], at);
      let down = 0;
      let across = 0;
      for (let i = 0; i < 100 * ratio; i++) {
        down += alphaAt(drawn, column * ratio, i) / 255;
        across += alphaAt(drawn, i, row * ratio) / 255;
      }
      return { down: down / ratio, across: across / ratio };
    };
    for (const ratio of [1, 2]) {
      for (const width of [1, 1.5, 2, 3]) {
        expect(Math.abs(ink(curve([0, 100], [50.3, 50.3]), 40, 0, width, ratio).down - width)).toBeLessThan(0.05);
        expect(Math.abs(ink(curve([50.2, 50.21], [0, 100]), 0, 40, width, ratio).across - width)).toBeLessThan(0.45);
        expect(Math.abs(ink(curve([0, 100], [0, 100]), 40, 0, width, ratio).down - width * Math.SQRT2)).toBeLessThan(
          0.4,
        );
      }
    }
  });
  it('leaves gaps empty and draws a lone sample as a dot', () => {
    const drawn = draw(
      [curve([0, 40, 50, 60, 100], [50, 50, NaN, NaN, 50])],
      [stroke()],
      view([0, 100], [0, 100], { width: 100 }),
    );
    expect(Math.max(...columnAlpha(drawn, 20))).toBeGreaterThan(180);
    for (let column = 44; column < 94; column++) expect(Math.max(...columnAlpha(drawn, column))).toBe(0);
    const dot = columnAlpha(draw([curve([50], [50])], [stroke()], view([0, 100], [0, 100], { width: 100 })), 50);
    expect(dot.filter((alpha) => alpha > 128).length).toBeGreaterThanOrEqual(3);
  });
  it('reaches in from samples outside of the view', () => {
    const drawn = draw([curve([-1000, 1000], [50, 50])], [stroke()], view([0, 100], [0, 100], { width: 100 }));
    for (const column of [0, 50, 99]) expect(Math.max(...columnAlpha(drawn, column))).toBeGreaterThan(100);
  });
  it('is nothing for hidden, empty and never finite curves', () => {
    const curves = [curve([0, 1], [0, 1]), curve([], []), curve([0, 1], [NaN, Infinity])];
    const drawn = draw(curves, [null, stroke(), stroke({ band: 0.2 })], view([0, 1], [0, 1]));
    expect(drawn.pixels.every((value) => value === 0)).toBe(true);
  });
  it('has the colour that was asked for, also where it is faint', () => {
    const drawn = draw(
      [curve([0, 100], [50, 50])],
      [stroke({ opacity: 0.3, color: 0xd1495b, width: 4 })],
      view([0, 100], [0, 100]),
    );
    const at = (60 * drawn.width + 100) * 4;
    expect(
      [...drawn.pixels.subarray(at, at + 4)].map((v, i) => Math.abs(v - ([0xd1, 0x49, 0x5b, 77][i] as number)) <= 3),
    ).toEqual([true, true, true, true]);
  });
  it('does not fail on the largest values', () => {
    const drawn = draw([curve([0, 1, 2], [-1.7e308, 1.7e308, 0])], [stroke()], view([0, 2], [-1.7e308, 1.7e308]));
    expect(topOf(drawn)).toBeLessThan(2);
  });
});
