import { describe, expect, test } from 'vitest';
import { decode, encode } from './url';
import { runSchema, runsSchema, type RunsView, type RunView } from './views';

// A small generator with a fixed seed: the same cases at every run.
function source(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48271) % 2147483647) / 2147483647;
}

const ALPHABET = [
  'a',
  'Z',
  '0',
  ',',
  '\\',
  '-',
  '/',
  '.',
  '%',
  '&',
  '=',
  '+',
  ' ',
  '#',
  '?',
  'é',
  '測',
  '😀',
  '"',
  "'",
];

function view(random: () => number): RunsView & RunView {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const text = (): string => Array.from({ length: Math.floor(random() * 7) }, () => pick(ALPHABET)).join('');
  const list = (): string[] | null => (random() < 0.2 ? null : Array.from({ length: Math.floor(random() * 4) }, text));
  const range = (): { min: number; max: number } => {
    const ends = [(random() - 0.5) * 10 ** Math.floor(random() * 30 - 10), random() * 1e6].toSorted((a, b) => a - b);
    return { min: ends[0] ?? 0, max: ends[1] ?? 0 };
  };
  return {
    search: text(),
    find: text(),
    sort: text(),
    columns: list(),
    closed: list(),
    grouping: pick(['auto', 'on', 'off']),
    charts: random() < 0.5,
    axis: text(),
    smoothing: Math.floor(random() * 999) / 1000,
    yLog: random() < 0.5,
    filter: text(),
    zooms: Array.from({ length: Math.floor(random() * 3) }, () => ({ panel: text(), ...range() })),
    showHidden: random() < 0.5,
    stamps: random() < 0.5,
    wrap: random() < 0.5,
  };
}

describe('round trip', () => {
  const random = source(20260101);
  for (let round = 0; round < 400; round++) {
    const whole = view(random);
    test(`view ${round}`, () => {
      const runs = decode(runsSchema, '');
      const run = decode(runSchema, '');
      for (const key of Object.keys(runs)) Object.assign(runs, { [key]: whole[key as keyof RunsView] });
      for (const key of Object.keys(run)) Object.assign(run, { [key]: whole[key as keyof RunView] });
      expect(decode(runsSchema, `?${encode(runsSchema, runs)}`)).toEqual(runs);
      expect(decode(runSchema, `?${encode(runSchema, run)}`)).toEqual(run);
    });
  }
});

test('nothing is written at the default', () => {
  expect(encode(runsSchema, decode(runsSchema, ''))).toBe('');
  expect(encode(runSchema, decode(runSchema, ''))).toBe('');
});

test('an empty list differs from none chosen, and both come back', () => {
  const view = decode(runsSchema, '');
  expect(decode(runsSchema, encode(runsSchema, { ...view, columns: [] })).columns).toEqual([]);
  expect(decode(runsSchema, encode(runsSchema, { ...view, columns: [''] })).columns).toEqual(['']);
  expect(decode(runsSchema, encode(runsSchema, { ...view, columns: ['-'] })).columns).toEqual(['-']);
});

test('what cannot be read falls back to the default', () => {
  const view = decode(runsSchema, '?m=7&l=x&g=sideways&z=a,1&unknown=1&s=name');
  expect(view).toEqual({ ...decode(runsSchema, ''), sort: 'name' });
});
