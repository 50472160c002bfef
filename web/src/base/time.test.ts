import { expect, it } from 'vitest';
import { dayLabel, exactLabel, minuteLabel, monthLabel, secondLabel } from './time';

it('writes instants in local time', () => {
  const date = new Date(2026, 2, 5, 14, 5, 9, 7);
  expect(dayLabel(date)).toBe('5 Mar');
  expect(monthLabel(date)).toBe('Mar 2026');
  expect(minuteLabel(date)).toBe('14:05');
  expect(secondLabel(date, true)).toBe('14:05:09.007');
  expect(exactLabel(date)).toBe('2026-03-05 14:05:09');
});
