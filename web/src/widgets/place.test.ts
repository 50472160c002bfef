import { expect, test } from 'vitest';
import { placement } from './place';

const window = { width: 400, height: 300 };
const size = { width: 200, height: 100 };

test('a box hangs below its anchor', () => {
  expect(placement({ left: 50, top: 20, width: 60, height: 28 }, size, window, 'start')).toEqual({ left: 50, top: 54 });
});
test('it stays inside the window on every side', () => {
  expect(placement({ left: 380, top: 20, width: 20, height: 28 }, size, window, 'start').left).toBe(192);
  expect(placement({ left: 0, top: 20, width: 20, height: 28 }, size, window, 'end').left).toBe(8);
});
test('it flips above where there is no room below', () => {
  expect(placement({ left: 50, top: 250, width: 60, height: 28 }, size, window, 'start').top).toBe(144);
});
