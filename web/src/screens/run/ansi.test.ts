import { expect, test } from 'vitest';
import { markFound, parseAnsi, plainText } from './ansi';

const E = '\u001b';
const look = (text: string): string[] =>
  parseAnsi(text).map((piece) => [piece.text, piece.color, piece.bold ? 'bold' : ''].filter(Boolean).join('|'));

test('plain text is one piece', () => {
  expect(look('hello')).toEqual(['hello']);
  expect(parseAnsi('')).toEqual([]);
});

test('colours begin and end', () => {
  expect(look(`a${E}[31mred${E}[0m b`)).toEqual(['a', 'red|red', ' b']);
  expect(look(`${E}[1;92mok${E}[22m!${E}[39m.`)).toEqual(['ok|bright-green|bold', '!|bright-green', '.']);
});

test('256 and true colours', () => {
  expect(look(`${E}[38;5;196mx`)).toEqual(['x|#ff0000']);
  expect(look(`${E}[38;5;244mx`)).toEqual(['x|#808080']);
  expect(look(`${E}[38;2;1;2;3mx`)).toEqual(['x|#010203']);
  expect(look(`${E}[38;5;3mx`)).toEqual(['x|yellow']);
});

test('other sequences leave nothing behind', () => {
  expect(plainText(`${E}]0;title\u0007a${E}[2Kb${E}[?25lc`)).toBe('abc');
  expect(look(`${E}[2Ka`)).toEqual(['a']);
});

test('a half sequence at the end is harmless', () => {
  expect(plainText(`abc${E}[3`)).toContain('abc');
});

test('found parts are marked across colours', () => {
  const marked = markFound(parseAnsi(`on${E}[31mce on${E}[0mce`), 'once');
  expect(marked.map((piece) => [piece.text, piece.color, piece.found])).toEqual([
    ['on', '', true],
    ['ce', 'red', true],
    [' ', 'red', false],
    ['on', 'red', true],
    ['ce', '', true],
  ]);
  expect(marked.map((piece) => piece.text).join('')).toBe('once once');
});
