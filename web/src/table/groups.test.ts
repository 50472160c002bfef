import { expect, test } from 'vitest';
import { groupRows } from './groups';

const run = (group: string, job_type = ''): { group: string; job_type: string } => ({ group, job_type });
const shape = (rows: ReturnType<typeof groupRows>): string[] =>
  rows.map((row) => (row.kind === 'group' ? `${row.id} ×${row.count}` : `${'  '.repeat(row.depth)}${row.index}`));

test('groups stand in the order of their first run, the ungrouped last', () => {
  const rows = groupRows([run('b'), run(''), run('a'), run('b')], new Set());
  expect(shape(rows)).toEqual(['g:b ×2', '  0', '  3', 'g:a ×1', '  2', 'g: ×1', '  1']);
});

test('a group of several job types has a second level', () => {
  const rows = groupRows([run('a', 'train'), run('a', 'eval'), run('a', 'train')], new Set());
  expect(shape(rows)).toEqual(['g:a ×3', 'g:a/j:train ×2', '    0', '    2', 'g:a/j:eval ×1', '    1']);
});

test('a closed heading hides its runs and keeps its count', () => {
  const rows = groupRows([run('a', 'train'), run('a', 'eval'), run('b')], new Set(['g:a/j:train', 'g:b']));
  expect(shape(rows)).toEqual(['g:a ×2', 'g:a/j:train ×1', 'g:a/j:eval ×1', '    1', 'g:b ×1']);
});

test('every run is under exactly one heading', () => {
  const runs = Array.from({ length: 200 }, (_, i) => run(`g${i % 7}`, `j${i % 3}`));
  const seen = groupRows(runs, new Set()).flatMap((row) => (row.kind === 'run' ? [row.index] : []));
  expect(seen.toSorted((a, b) => a - b)).toEqual([...runs.keys()]);
});
