// Series frames: what POST /api/v1/series answers (docs/design/http.md, "A series frame"), as typed lines.
import { BadFrame, type Column, decodeColumns } from './columns';

interface LineHead {
  /** Key of the run. */
  readonly run: number;
  readonly metric: string;
  /** All points in the range asked for. */
  readonly points: number;
  /** Values that the frame holds for this line: points, or buckets. */
  readonly shown: number;
  readonly nan: number;
  readonly pinf: number;
  readonly ninf: number;
  /** Version of the run that the line is from. */
  readonly version: number;
  /** What one point is: a value that was logged, or the mean of a window of measurements. */
  readonly of: 'values' | 'windows';
}

/** Every point, ascending in x; NaN and ±Infinity as they were logged. */
export interface RawLine extends LineHead {
  readonly mode: 'raw';
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** The step of each point; null when x is the step. */
  readonly step: Float64Array | null;
  /** Lowest and highest measurement of each window; null for logged values. */
  readonly lo: Float64Array | null;
  readonly hi: Float64Array | null;
}

/** One entry for each bucket of the frame's grid that holds points. */
export interface BucketLine extends LineHead {
  readonly mode: 'buckets';
  /** Index of the bucket on the grid, ascending. */
  readonly b: Uint32Array;
  /** Points of any kind. */
  readonly n: Uint32Array;
  /** Of the finite values; NaN without any. */
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly mean: Float64Array;
  /** First and last finite value by x. */
  readonly first: Float64Array;
  readonly last: Float64Array;
  /** NaN and ±Infinity. */
  readonly bad: Uint32Array;
}

export type SeriesLine = RawLine | BucketLine;

/** Bucket b covers [lo + b·width, lo + (b+1)·width). */
export interface Grid {
  readonly lo: number;
  readonly width: number;
  readonly count: number;
}

/** One panel's data. `grid` is null when no line is bucketed. */
export interface SeriesFrame {
  /** "_step", "_runtime", "_timestamp" or a metric. */
  readonly x: string;
  readonly grid: Grid | null;
  readonly lines: readonly SeriesLine[];
}

/** The lines of a series frame, as views into `buffer`. Throws BadFrame when it is none. */
export function readSeriesFrame(buffer: ArrayBuffer): SeriesFrame {
  const { columns, meta } = decodeColumns(buffer);
  const head = record(meta, 'meta');
  const lines = head['lines'];
  if (!Array.isArray(lines)) throw new BadFrame('cannot read a series frame: meta.lines is not a list');
  const grid = head['grid'] === null || head['grid'] === undefined ? null : readGrid(record(head['grid'], 'meta.grid'));
  return {
    x: text(head['x'], 'meta.x'),
    grid,
    lines: lines.map((line, index) => readLine(record(line, `meta.lines[${index}]`), index, columns, grid)),
  };
}

function readGrid(grid: Record<string, unknown>): Grid {
  return {
    lo: number(grid['lo'], 'grid.lo'),
    width: number(grid['width'], 'grid.width'),
    count: number(grid['count'], 'grid.count'),
  };
}

function readLine(
  head: Record<string, unknown>,
  index: number,
  columns: ReadonlyMap<string, Column>,
  grid: Grid | null,
): SeriesLine {
  const common: LineHead = {
    run: number(head['run'], 'run'),
    metric: text(head['metric'], 'metric'),
    points: number(head['points'], 'points'),
    shown: number(head['shown'], 'shown'),
    nan: number(head['nan'], 'nan'),
    pinf: number(head['pinf'], 'pinf'),
    ninf: number(head['ninf'], 'ninf'),
    version: number(head['version'], 'version'),
    of: 'values',
  };
  const floats = (name: string): Float64Array => column(columns, `${index}.${name}`, Float64Array);
  const counts = (name: string): Uint32Array => column(columns, `${index}.${name}`, Uint32Array);
  if (head['mode'] === 'raw') {
    const step = columns.has(`${index}.step`) ? floats('step') : null;
    return sameLength({ ...common, mode: 'raw', x: floats('x'), y: floats('y'), step, lo: null, hi: null }, index);
  }
  if (head['mode'] !== 'buckets' || grid === null) {
    throw new BadFrame(
      `cannot read line ${index} of a series frame: mode ${JSON.stringify(head['mode'])} without a grid`,
    );
  }
  const line: BucketLine = {
    ...common,
    mode: 'buckets',
    b: counts('b'),
    n: counts('n'),
    min: floats('min'),
    max: floats('max'),
    mean: floats('mean'),
    first: floats('first'),
    last: floats('last'),
    bad: counts('bad'),
  };
  return sameLength(line, index);
}

function sameLength<L extends SeriesLine>(line: L, index: number): L {
  const lengths = new Set(Object.values(line).flatMap((value) => (ArrayBuffer.isView(value) ? [lengthOf(value)] : [])));
  if (lengths.size > 1) throw new BadFrame(`cannot read line ${index} of a series frame: its columns differ in length`);
  return line;
}

const lengthOf = (view: ArrayBufferView): number => (view as Float64Array | Uint32Array).length;

function column<T extends Column>(
  columns: ReadonlyMap<string, Column>,
  name: string,
  type: new (length: number) => T,
): T {
  const found = columns.get(name);
  if (!(found instanceof type))
    throw new BadFrame(`cannot read a series frame: column "${name}" is missing or of another type`);
  return found;
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new BadFrame(`cannot read a series frame: ${what} is missing`);
  return value as Record<string, unknown>;
}

function number(value: unknown, what: string): number {
  if (typeof value !== 'number') throw new BadFrame(`cannot read a series frame: ${what} is no number`);
  return value;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new BadFrame(`cannot read a series frame: ${what} is no text`);
  return value;
}
