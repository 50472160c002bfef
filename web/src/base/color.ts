// Colours: OKLCH to sRGB and back into text, and contrast. Source of the matrices: Björn Ottosson, "A perceptual color
// space for image processing" (2020).

/** sRGB channels in 0..1. */
export interface Rgb {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}

const toGamma = (v: number): number => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
const toLinear = (v: number): number => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);

function oklabToLinear(L: number, a: number, b: number): Rgb {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return {
    r: 4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    g: -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    b: -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  };
}

const inGamut = ({ r, g, b }: Rgb): boolean => Math.min(r, g, b) >= -1e-4 && Math.max(r, g, b) <= 1.0001;

/**
 * The sRGB colour of lightness 0..1, chroma 0..0.4 and hue in degrees.
 *
 * A colour outside of sRGB keeps lightness and hue and loses chroma until it fits.
 */
export function oklch(lightness: number, chroma: number, hue: number): Rgb {
  const cos = Math.cos((hue * Math.PI) / 180);
  const sin = Math.sin((hue * Math.PI) / 180);
  let low = 0;
  let high = chroma;
  let linear = oklabToLinear(lightness, chroma * cos, chroma * sin);
  if (!inGamut(linear)) {
    for (let i = 0; i < 20; i++) {
      const middle = (low + high) / 2;
      if (inGamut(oklabToLinear(lightness, middle * cos, middle * sin))) low = middle;
      else high = middle;
    }
    linear = oklabToLinear(lightness, low * cos, low * sin);
  }
  const channel = (v: number): number => toGamma(Math.max(0, Math.min(1, v)));
  return { r: channel(linear.r), g: channel(linear.g), b: channel(linear.b) };
}

/** OKLab coordinates: distances between them say how different two colours look. */
export function oklab(color: Rgb): { L: number; a: number; b: number } {
  const r = toLinear(color.r);
  const g = toLinear(color.g);
  const b = toLinear(color.b);
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return {
    L: 0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    a: 1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    b: 0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  };
}

const byte = (v: number): number => Math.round(Math.max(0, Math.min(1, v)) * 255);

/** "#rrggbb". */
export function toHex(color: Rgb): string {
  const packed = (byte(color.r) << 16) | (byte(color.g) << 8) | byte(color.b);
  return `#${packed.toString(16).padStart(6, '0')}`;
}

/** The channels of "#rrggbb" or "#rgb". Throws RangeError for any other text. */
export function parseHex(text: string): Rgb {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(text);
  const full = short
    ? `#${short
        .slice(1)
        .map((d) => d + d)
        .join('')}`
    : text;
  if (!/^#[0-9a-f]{6}$/i.test(full)) {
    throw new RangeError(`cannot read the colour ${JSON.stringify(text)}: expected "#rrggbb" or "#rgb"`);
  }
  const packed = Number.parseInt(full.slice(1), 16);
  return { r: (packed >> 16) / 255, g: ((packed >> 8) & 255) / 255, b: (packed & 255) / 255 };
}

function luminance(color: Rgb): number {
  return 0.2126 * toLinear(color.r) + 0.7152 * toLinear(color.g) + 0.0722 * toLinear(color.b);
}

/** WCAG contrast of two opaque colours, 1..21. */
export function contrast(a: Rgb, b: Rgb): number {
  const la = luminance(a) + 0.05;
  const lb = luminance(b) + 0.05;
  return la > lb ? la / lb : lb / la;
}
