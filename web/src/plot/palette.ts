// Colours of runs: a pure function of the run's ordinal in its project, so that a run looks the same on every screen.
// Twelve chosen hues first; after them rounds of a wheel of twelve. Never grey: grey means "not a run".
//
// Runs that are looked at together are mostly neighbours in age, so what counts is the distance within any ten ordinals
// in a row: a step on the wheel is five twelfths of it, next to each other on it are a light and a deep colour, and each
// round is turned a little, so that colours come back after thousands of runs only.
import { oklch, toHex } from '../base/color';

export type Theme = 'light' | 'dark';

/** Lightness, chroma, hue on the light theme. Neighbours in this list are far apart in hue. */
const CHOSEN: readonly (readonly [number, number, number])[] = [
  [0.53, 0.2, 273], // indigo
  [0.6, 0.18, 16], // rose
  [0.62, 0.12, 172], // teal
  [0.65, 0.14, 70], // amber
  [0.55, 0.21, 300], // violet
  [0.6, 0.13, 245], // blue
  [0.6, 0.18, 340], // magenta
  [0.6, 0.15, 135], // green
  [0.63, 0.17, 42], // orange
  [0.52, 0.09, 215], // deep cyan
  [0.5, 0.09, 50], // brown
  [0.66, 0.12, 285], // lavender
];

const SLOTS = 12;
const SLOT_DEG = 360 / SLOTS;
const STEP = 5;
const START_DEG = 10;
const TURN_DEG = -7;
const DEEP = 0.53;
const LIGHT = 0.635;
const CHROMA = 0.16;
const LIFT = 0.08; // what a colour gains in lightness on the dark theme

const known = new Map<string, string>();

/** The colour of the run with this ordinal (counts from 1), as "#rrggbb". */
export function runColor(ordinal: number, theme: Theme): string {
  const key = `${theme}${ordinal}`;
  let color = known.get(key);
  if (color === undefined) {
    const [lightness, chroma, hue] = place(Math.max(0, Math.floor(ordinal) - 1));
    color = toHex(oklch(theme === 'dark' ? Math.min(lightness + LIFT, 0.74) : lightness, chroma, hue));
    known.set(key, color);
  }
  return color;
}

function place(index: number): readonly [number, number, number] {
  const chosen = CHOSEN[index];
  if (chosen !== undefined) return chosen;
  const round = Math.floor((index - CHOSEN.length) / SLOTS);
  const slot = ((index - CHOSEN.length) * STEP) % SLOTS;
  const hue = START_DEG + slot * SLOT_DEG + round * TURN_DEG;
  return [slot % 2 === 0 ? LIGHT : DEEP, CHROMA, ((hue % 360) + 360) % 360];
}
