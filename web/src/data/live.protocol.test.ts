import { expect, test } from 'vitest';
import { parseChange } from './live.protocol';

test('a hint is read, anything else is passed over', () => {
  expect(parseChange('{"cursor":3,"runs":[1],"projects":["a/b"]}')).toEqual({
    cursor: 3,
    runs: [1],
    projects: ['a/b'],
  });
  for (const data of ['', 'x', 'null', '[]', '{"runs":[1]}']) expect(parseChange(data)).toBeNull();
});
