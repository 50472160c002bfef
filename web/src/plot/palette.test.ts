import { describe, expect, it } from 'vitest';
import { contrast, oklab, oklch, parseHex } from '../base/color';
import { type Theme, runColor } from './palette';

const ordinals = Array.from({ length: 100 }, (_, i) => i + 1);
const grounds = { light: parseHex('#ffffff'), dark: oklch(0.22, 0.005, 285) };

describe.each<[Theme, number]>([
  ['light', 3],
  ['dark', 3.5],
])('on the %s theme', (theme, least) => {
  const colors = ordinals.map((ordinal) => parseHex(runColor(ordinal, theme)));
  it('each of 100 colours stands out from the ground', () => {
    colors.forEach((color, i) => expect(contrast(color, grounds[theme]), `run ${i + 1}`).toBeGreaterThanOrEqual(least));
  });
  it('none is grey', () => {
    colors.forEach((color, i) => {
      const { a, b } = oklab(color);
      expect(Math.hypot(a, b), `run ${i + 1}`).toBeGreaterThan(0.07);
    });
  });
  it('any ten ordinals in a row are at least 0.07 apart in OKLab, beyond the twelfth 0.1 and 20 degrees of hue', () => {
    const many = Array.from({ length: 500 }, (_, i) => parseHex(runColor(i + 1, theme)));
    for (let i = 0; i + 10 <= many.length; i++) {
      const row = many.slice(i, i + 10);
      expect(closest(row), `from run ${i + 1}`).toBeGreaterThan(i < 12 ? 0.07 : 0.1);
      if (i >= 12) expect(closestHues(row), `from run ${i + 1}`).toBeGreaterThan(20);
    }
  });
  it('the first twelve are far apart, and all of a hundred differ', () => {
    expect(closest(colors.slice(0, 12))).toBeGreaterThan(0.07);
    expect(new Set(ordinals.map((ordinal) => runColor(ordinal, theme))).size).toBe(100);
  });
});

it('depends on the ordinal alone', () => {
  expect(runColor(3, 'light')).toBe(runColor(3, 'light'));
  expect(runColor(3, 'light')).not.toBe(runColor(3, 'dark'));
});

function closestHues(colors: { r: number; g: number; b: number }[]): number {
  const hues = colors
    .map((color) => oklab(color))
    .map(({ a, b }) => (Math.atan2(b, a) * 180) / Math.PI)
    .sort((one, other) => one - other);
  return Math.min(...hues.map((hue, i) => (hues[i + 1] ?? (hues[0] as number) + 360) - hue));
}

function closest(colors: { r: number; g: number; b: number }[]): number {
  let least = Infinity;
  colors.forEach((one, i) => {
    for (const other of colors.slice(i + 1)) {
      const p = oklab(one);
      const q = oklab(other);
      least = Math.min(least, Math.hypot(p.L - q.L, p.a - q.a, p.b - q.b));
    }
  });
  return least;
}
