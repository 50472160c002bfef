import { expect, it } from 'vitest';
import { Lru } from './lru';

it('forgets the entry used longest ago', () => {
  const lru = new Lru<string, number>(2);
  lru.set('a', 1);
  lru.set('b', 2);
  expect(lru.get('a')).toBe(1);
  lru.set('c', 3);
  expect(lru.get('b')).toBeUndefined();
  expect(lru.get('a')).toBe(1);
  expect(lru.size).toBe(2);
});

it('refuses a capacity below one', () => {
  expect(() => new Lru(0)).toThrow(/capacity 0/);
});
