// Reader of binary column frames, the twin of src/runlore/protocol/columns.py (which states the layout). Both are
// tested on tests/protocol/golden_columns.bin. Columns are views into the frame: nothing is copied.

/** A decoded column: f8, i8, u4 or u1. */
export type Column = Float64Array | BigInt64Array | Uint32Array | Uint8Array;

/** A decoded frame. `meta` is whatever JSON the server put there; its reader checks it. */
export interface ColumnFrame {
  readonly columns: ReadonlyMap<string, Column>;
  readonly meta: unknown;
}

/** The bytes are no column frame, or not the one that was expected. */
export class BadFrame extends Error {
  override readonly name = 'BadFrame';
}

const MAGIC = 'RLC1';

type View = (buffer: ArrayBuffer, at: number, length: number) => Column;
const TYPES: Readonly<Record<string, { size: number; view: View }>> = {
  f8: { size: 8, view: (buffer, at, length) => new Float64Array(buffer, at, length) },
  i8: { size: 8, view: (buffer, at, length) => new BigInt64Array(buffer, at, length) },
  u4: { size: 4, view: (buffer, at, length) => new Uint32Array(buffer, at, length) },
  u1: { size: 1, view: (buffer, at, length) => new Uint8Array(buffer, at, length) },
};

/**
 * The columns and the meta of a frame that fills the whole buffer.
 *
 * Throws BadFrame when the bytes are no column frame or are cut short.
 */
export function decodeColumns(buffer: ArrayBuffer): ColumnFrame {
  const bytes = new Uint8Array(buffer);
  const magic = String.fromCharCode(...bytes.subarray(0, 4));
  if (bytes.length < 8 || magic !== MAGIC) {
    throw new BadFrame(`cannot read a column frame of ${bytes.length} bytes: it does not begin with ${MAGIC}`);
  }
  const headerLength = new DataView(buffer).getUint32(4, true);
  if (8 + headerLength > bytes.length) throw cutShort(bytes.length, 'its header');
  const base = Math.ceil((8 + headerLength) / 8) * 8;
  const { columns: heads, meta } = parseHeader(bytes.subarray(8, 8 + headerLength));
  const columns = new Map<string, Column>();
  for (const head of heads) {
    const type = TYPES[head.type];
    if (type === undefined) {
      throw new BadFrame(
        `cannot read column "${head.name}" of a frame: its type is "${head.type}", known are f8, i8, u4, u1`,
      );
    }
    if (base + head.offset + head.length * type.size > bytes.length)
      throw cutShort(bytes.length, `column "${head.name}"`);
    columns.set(head.name, type.view(buffer, base + head.offset, head.length));
  }
  return { columns, meta };
}

interface Head {
  readonly name: string;
  readonly type: string;
  readonly length: number;
  readonly offset: number;
}

function cutShort(size: number, what: string): BadFrame {
  return new BadFrame(`cannot read a column frame of ${size} bytes: ${what} is cut short`);
}

function parseHeader(bytes: Uint8Array): { columns: Head[]; meta: unknown } {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new BadFrame(`cannot read the header of a column frame: ${String(error)}`);
  }
  if (typeof header !== 'object' || header === null || !('columns' in header) || !('meta' in header)) {
    throw new BadFrame('cannot read the header of a column frame: "columns" or "meta" is missing');
  }
  const { columns, meta } = header;
  if (!Array.isArray(columns) || !columns.every(isHead)) {
    throw new BadFrame('cannot read the header of a column frame: "columns" is not a list of columns');
  }
  return { columns, meta };
}

function isHead(value: unknown): value is Head {
  if (typeof value !== 'object' || value === null) return false;
  const head = value as Partial<Record<keyof Head, unknown>>;
  const isSize = (n: unknown): boolean => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  return typeof head.name === 'string' && typeof head.type === 'string' && isSize(head.length) && isSize(head.offset);
}
