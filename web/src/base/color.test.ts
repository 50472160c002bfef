import { describe, expect, it } from 'vitest';
import { contrast, oklab, oklch, parseHex, toHex } from './color';

describe('oklch', () => {
  it('meets known colours', () => {
    expect(toHex(oklch(0, 0, 0))).toBe('#000000');
    expect(toHex(oklch(1, 0, 0))).toBe('#ffffff');
    expect(toHex(oklch(0.627955, 0.257683, 29.2339))).toBe('#ff0000');
    expect(toHex(oklch(0.86644, 0.294827, 142.4953))).toBe('#00ff00');
    expect(toHex(oklch(0.452014, 0.313214, 264.052))).toBe('#0000ff');
  });
  it('keeps lightness and hue when the chroma does not fit', () => {
    const color = oklab(oklch(0.6, 0.4, 200));
    expect(color.L).toBeCloseTo(0.6, 2);
    expect(((Math.atan2(color.b, color.a) * 180) / Math.PI + 360) % 360).toBeCloseTo(200, 0);
  });
});

describe('text', () => {
  it('reads and writes', () => {
    expect(toHex(parseHex('#4457e0'))).toBe('#4457e0');
    expect(toHex(parseHex('#fa0'))).toBe('#ffaa00');
  });
  it('says what is wrong with other text', () => {
    expect(() => parseHex('red')).toThrow(/"red".*#rrggbb/);
  });
});

it('computes contrast both ways round', () => {
  const black = parseHex('#000');
  const white = parseHex('#fff');
  expect(contrast(black, white)).toBeCloseTo(21);
  expect(contrast(white, black)).toBeCloseTo(21);
});
