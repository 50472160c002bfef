import { expect, test } from 'vitest';
import { asApiError, errorOfAnswer, isAbort } from './errors';

test('an error answer keeps its code, message and hint', () => {
  const body = { error: { code: 'not-found', message: 'no run "x"', hint: 'look at the list' } };
  const error = errorOfAnswer('GET /x', 404, body);
  expect([error.status, error.code, error.message, error.hint]).toEqual([
    404,
    'not-found',
    'no run "x"',
    'look at the list',
  ]);
});

test('an answer that is not ours says so', () => {
  for (const body of [null, 'hello', {}, { error: 'x' }, { error: { code: 1 } }]) {
    expect(errorOfAnswer('GET /x', 502, body).code).toBe('bad-answer');
  }
});

test('a cancelled request is no error', () => {
  expect(isAbort(new DOMException('x', 'AbortError'))).toBe(true);
  expect(isAbort(new Error('x'))).toBe(false);
  expect(asApiError('GET /x', new RangeError('bad frame')).message).toContain('bad frame');
});
