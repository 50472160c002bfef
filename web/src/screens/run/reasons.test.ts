import { expect, test } from 'vitest';
import { exactLabel } from '../../base/time';
import { withLocalTimes } from './reasons';

test('instants are told in local time, other text stays', () => {
  const at = '2026-03-12T14:05:09.250Z';
  expect(withLocalTimes(`no sign of life since ${at}`)).toBe(`no sign of life since ${exactLabel(new Date(at))}`);
  expect(withLocalTimes('ValueError: 2026-03-12')).toBe('ValueError: 2026-03-12');
});
