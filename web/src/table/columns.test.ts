import { expect, test } from 'vitest';
import type { Keys, Run } from '../data/messages';
import { columnOf, columnsOf, defaultColumns, keyColumn, nextSort, valueText } from './columns';

const keys = (config: number, summary: number): Keys => ({
  config: Array.from({ length: config }, (_, i) => ({ name: `c${i}`, runs: 9 })),
  summary: [{ name: '_step', runs: 9 }, ...Array.from({ length: summary }, (_, i) => ({ name: `s${i}`, runs: 9 }))],
  metrics: [],
});

test('twelve keys are shown, shared between config and summary, reserved ones left out', () => {
  const shown = (config: number, summary: number): [number, number] => {
    const ids = defaultColumns(keys(config, summary), []);
    expect(ids).not.toContain('summary._step');
    return [ids.filter((id) => id.startsWith('config.')).length, ids.filter((id) => id.startsWith('summary.')).length];
  };
  expect(shown(50, 50)).toEqual([6, 6]);
  expect(shown(2, 50)).toEqual([2, 10]);
  expect(shown(50, 2)).toEqual([10, 2]);
  expect(shown(0, 0)).toEqual([0, 0]);
});

test('a key may hold dots and slashes', () => {
  expect(keyColumn('config.model.lr')?.title).toBe('model.lr');
  expect(keyColumn('summary.val/acc')?.title).toBe('val/acc');
  expect(keyColumn('config.')).toBeNull();
  expect(columnOf('nonsense')).toBeNull();
});

test('a second click turns the order around', () => {
  const loss = { id: 'summary.loss', align: 'end' } as const;
  expect(nextSort('-created_at', loss)).toBe('-summary.loss');
  expect(nextSort('-summary.loss', loss)).toBe('summary.loss');
  expect(nextSort('-created_at', { id: 'name', align: 'start' })).toBe('name');
});

test('values are one line of text', () => {
  expect(valueText(undefined)).toBe('');
  expect(valueText(null)).toBe('null');
  expect(valueText(0.30000000000000004)).toBe('0.3');
  expect(valueText(20260101)).toBe('20260101');
  expect(valueText('NaN')).toBe('NaN');
  expect(valueText([1, 'a'])).toBe('[1,"a"]');
});

test('config keys that differ between runs come first', () => {
  const run = (c1: number): Run =>
    ({ config: { c0: 7, c1 }, tags: [], group: 'a', job_type: '', user: 'u' }) as unknown as Run;
  const ids = defaultColumns(keys(2, 0), [run(1), run(2)]);
  expect(ids.filter((id) => id.startsWith('config.'))).toEqual(['config.c1', 'config.c0']);
  expect(ids).toContain('group');
  expect(defaultColumns(keys(2, 0), [run(1), run(2)], true)).not.toContain('group');
});

test('the sorted column is always there, and equal names are told apart', () => {
  const titles = columnsOf(['state', 'config.lr', 'summary.lr'], '-summary.acc').map((column) => column.title);
  expect(titles).toEqual(['Name', 'acc', 'State', 'config.lr', 'summary.lr']);
  expect(columnsOf(['state'], 'name').map((column) => column.id)).toEqual(['name', 'state']);
  expect(columnsOf(['nonsense', 'state'], '-created_at').map((column) => column.id)).toEqual([
    'name',
    'created_at',
    'state',
  ]);
});
