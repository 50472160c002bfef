import { expect, it } from 'vitest';
import { BadFrame } from './columns';
import { readSeriesFrame } from './series';

/** A column frame as the server writes it. */
function encode(
  meta: unknown,
  columns: [name: string, type: string, values: Float64Array | Uint32Array][],
): ArrayBuffer {
  let offset = 0;
  const heads = columns.map(([name, type, values]) => {
    const head = { name, type, length: values.length, offset };
    offset += Math.ceil(values.byteLength / 8) * 8;
    return head;
  });
  const header = new TextEncoder().encode(JSON.stringify({ meta, columns: heads }));
  const base = Math.ceil((8 + header.length) / 8) * 8;
  const frame = new Uint8Array(base + offset);
  frame.set(new TextEncoder().encode('RLC1'));
  new DataView(frame.buffer).setUint32(4, header.length, true);
  frame.set(header, 8);
  heads.forEach((head, i) => {
    const values = columns[i]?.[2];
    if (values) frame.set(new Uint8Array(values.buffer), base + head.offset);
  });
  return frame.buffer;
}

const counts = { points: 3, shown: 3, nan: 1, pinf: 0, ninf: 0, version: 12 };

it('reads raw and bucketed lines', () => {
  const frame = readSeriesFrame(
    encode(
      {
        x: '_runtime',
        grid: { lo: 0, width: 4, count: 3 },
        lines: [
          { run: 17, metric: 'loss', mode: 'raw', ...counts },
          { run: 18, metric: 'loss', mode: 'buckets', ...counts, points: 9, shown: 2 },
        ],
      },
      [
        ['0.x', 'f8', new Float64Array([0.5, 1.5, 2])],
        ['0.y', 'f8', new Float64Array([1, NaN, 3])],
        ['0.step', 'f8', new Float64Array([0, 1, 2])],
        ['1.b', 'u4', new Uint32Array([0, 2])],
        ['1.n', 'u4', new Uint32Array([4, 5])],
        ['1.min', 'f8', new Float64Array([1, 2])],
        ['1.max', 'f8', new Float64Array([3, 4])],
        ['1.mean', 'f8', new Float64Array([2, 3])],
        ['1.first', 'f8', new Float64Array([1, 2])],
        ['1.last', 'f8', new Float64Array([3, 4])],
        ['1.bad', 'u4', new Uint32Array([1, 0])],
      ],
    ),
  );
  expect(frame.x).toBe('_runtime');
  expect(frame.grid).toEqual({ lo: 0, width: 4, count: 3 });
  const [raw, buckets] = frame.lines;
  expect(raw).toMatchObject({ run: 17, mode: 'raw', nan: 1, version: 12, step: new Float64Array([0, 1, 2]) });
  expect(buckets).toMatchObject({ run: 18, mode: 'buckets', points: 9, b: new Uint32Array([0, 2]) });
});

it('reads a frame without lines', () => {
  expect(readSeriesFrame(encode({ x: '_step', grid: null, lines: [] }, []))).toEqual({
    x: '_step',
    grid: null,
    lines: [],
  });
});

it.each([
  ['a missing column', [['0.x', 'f8', new Float64Array(3)]]],
  [
    'columns of different lengths',
    [
      ['0.x', 'f8', new Float64Array(3)],
      ['0.y', 'f8', new Float64Array(2)],
    ],
  ],
  [
    'a column of another type',
    [
      ['0.x', 'f8', new Float64Array(3)],
      ['0.y', 'u4', new Uint32Array(3)],
    ],
  ],
] as [string, [string, string, Float64Array | Uint32Array][]][])('refuses %s', (_what, columns) => {
  const meta = { x: '_step', grid: null, lines: [{ run: 1, metric: 'loss', mode: 'raw', ...counts }] };
  expect(() => readSeriesFrame(encode(meta, columns))).toThrow(BadFrame);
});

it('refuses buckets without a grid', () => {
  const meta = { x: '_step', grid: null, lines: [{ run: 1, metric: 'loss', mode: 'buckets', ...counts }] };
  expect(() => readSeriesFrame(encode(meta, []))).toThrow(/without a grid/);
});
