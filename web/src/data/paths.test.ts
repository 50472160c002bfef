import { expect, test } from 'vitest';
import { leaves, valueAt } from './paths';

test('values are found by dotted path, keys with dots first', () => {
  const document = { a: { b: { c: 1 } }, 'a.b': { d: 2 }, 'x.y': 3, list: [1], none: null };
  expect(valueAt(document, 'a.b.c')).toBe(1);
  expect(valueAt(document, 'a.b.d')).toBe(2);
  expect(valueAt(document, 'x.y')).toBe(3);
  expect(valueAt(document, 'none')).toBeNull();
  expect(valueAt(document, 'list.0')).toBeUndefined();
  expect(valueAt(document, 'toString')).toBeUndefined();
});

test('leaves keep the order and treat empty objects as values', () => {
  expect(leaves({ b: { x: 1, y: [2] }, a: {}, c: null })).toEqual([
    { path: 'b.x', value: 1 },
    { path: 'b.y', value: [2] },
    { path: 'a', value: {} },
    { path: 'c', value: null },
  ]);
});
