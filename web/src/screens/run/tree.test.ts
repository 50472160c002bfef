import { expect, test } from 'vitest';
import { treeRows } from './tree';

const document = { model: { width: 64, layers: [1, 2], parts: [{ kind: 'conv' }] }, lr: 0.1, tags: [], none: null };
const paths = (search = '', closed: string[] = []): string[] =>
  treeRows(document, search, new Set(closed)).map((row) => row.path);

test('parents come before their children, plain lists are leaves', () => {
  expect(paths()).toEqual([
    'model',
    'model.width',
    'model.layers',
    'model.parts',
    'model.parts.0',
    'model.parts.0.kind',
    'lr',
    'tags',
    'none',
  ]);
});

test('a search keeps matches by path or value with their parents, even in closed branches', () => {
  expect(paths('CONV')).toEqual(['model', 'model.parts', 'model.parts.0', 'model.parts.0.kind']);
  expect(paths('model.w', ['model'])).toEqual(['model', 'model.width']);
  expect(paths('0.1')).toEqual(['lr']);
  expect(paths('nothing like it')).toEqual([]);
});

test('a closed branch hides what is below', () => {
  expect(paths('', ['model'])).toEqual(['model', 'lr', 'tags', 'none']);
});
