import { expect, test } from 'vitest';
import { rank } from './rank';

const names = ['Search runs', 'Switch to dark', 'Show the charts', 'acme / digits', 'Reset all zooms'];
const find = (text: string): string[] => rank(text, names, (name) => name);

test('without text all stay in order', () => expect(find('  ')).toEqual(names));
test('a whole word wins over scattered letters', () => expect(find('dark')[0]).toBe('Switch to dark'));
test('first letters of words are enough', () => {
  expect(find('stc')[0]).toBe('Show the charts');
  expect(find('raz')).toEqual(['Reset all zooms']);
});
test('letters that are not there find nothing', () => expect(find('qqq')).toEqual([]));
