/// <reference types="node" />
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BadFrame, decodeColumns } from './columns';

const golden = fileURLToPath(new URL('../../../tests/protocol/golden_columns.bin', import.meta.url));

function goldenFrame(): ArrayBuffer {
  const file = readFileSync(golden);
  return file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength) as ArrayBuffer;
}

describe('the golden frame', () => {
  it('decodes to the values that the Python side encoded', () => {
    const { columns, meta } = decodeColumns(goldenFrame());
    expect(meta).toEqual({ x: '_step', text: 'é✓' });
    expect([...columns.keys()]).toEqual(['x', 'i', 'u', 'p']);
    expect(columns.get('x')).toEqual(new Float64Array([0, 0.5, -0, NaN, Infinity, -Infinity, 1e300]));
    expect(Object.is(columns.get('x')?.[2], -0)).toBe(true);
    expect(columns.get('i')).toEqual(new BigInt64Array([-1n, 0n, 9007199254740993n]));
    expect(columns.get('u')).toEqual(new Uint32Array([0, 1, 4294967295]));
    expect(columns.get('p')).toEqual(new Uint8Array([0, 1, 255]));
  });
  it('is read without copying', () => {
    const frame = goldenFrame();
    for (const column of decodeColumns(frame).columns.values()) expect(column.buffer).toBe(frame);
  });
  it('is refused at any shorter length, save for the last padding', () => {
    const frame = goldenFrame();
    const padding = 5; // after the three u1 values
    for (let length = 0; length < frame.byteLength - padding; length++) {
      expect(() => decodeColumns(frame.slice(0, length)), `${length} bytes`).toThrow(BadFrame);
    }
  });
});

it.each([
  ['no magic', '<!doctype html><p>hi'],
  ['a header that is no JSON', 'RLC1\x02\x00\x00\x00{]'],
  ['a header without columns', 'RLC1\x02\x00\x00\x00{}'],
  ['an unknown type', frameText('{"meta":{},"columns":[{"name":"a","type":"f2","length":0,"offset":0}]}')],
  ['a negative length', frameText('{"meta":{},"columns":[{"name":"a","type":"f8","length":-1,"offset":0}]}')],
])('refuses bytes with %s', (_what, text) => {
  expect(() => decodeColumns(Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer)).toThrow(BadFrame);
});

function frameText(header: string): string {
  return `RLC1${String.fromCharCode(header.length)}\x00\x00\x00${header}`;
}
