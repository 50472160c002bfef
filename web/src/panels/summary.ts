// A chart in words, for those who do not see it; and as a table, its twin.
import { formatColumn, formatNumber, formatPlural } from '../base/format';
import type { Range } from '../base/geom';
import { lowerBound, nearestIndex, upperBound } from '../plot/curve';
import { type ChartLine, tailOf } from './curves';
import type { XAxis } from './line';
import { formatX } from './readout';

/** One or two sentences: what is drawn over what, where it ends, who is highest and lowest there. */
export function describe(title: string, lines: readonly ChartLine[], axis: XAxis, view: Range | null): string {
  const visible = lines.filter((line) => line.run.visible);
  if (visible.length === 0 || view === null) return `Line chart of ${title}, without data.`;
  const span = `${axis.label} ${formatX(axis.kind, view.min)} to ${formatX(axis.kind, view.max)}`;
  const ends = visible
    .flatMap((line) => {
      const tail = tailOf(line.curve);
      return tail === null ? [] : [{ name: line.name, value: tail.y }];
    })
    .sort((a, b) => b.value - a.value);
  const first = ends[0];
  const last = ends[ends.length - 1];
  const head = `Line chart of ${title} over ${span}, ${formatPlural(visible.length, 'line')}.`;
  if (first === undefined || last === undefined) return `${head} No finite values.`;
  if (first === last) return `${head} Last value ${formatNumber(first.value)}.`;
  return `${head} Last values from ${formatNumber(first.value)} (${first.name}) down to ${formatNumber(last.value)} (${last.name}).`;
}

/** The chart as a table: one row for each x, one column for each visible line. */
export interface ChartTable {
  readonly columns: readonly { readonly name: string; readonly color: string }[];
  /** values[i] belongs to columns[i]; "" where the line has no sample at this x. */
  readonly rows: readonly { readonly x: string; readonly values: readonly string[] }[];
  /** Rows that were left out. */
  readonly more: number;
}

/** The first `limit` rows of the chart in view. */
export function tabulate(lines: readonly ChartLine[], axis: XAxis, view: Range, limit: number): ChartTable {
  const visible = lines.filter((line) => line.run.visible);
  const all = new Set<number>();
  for (const { curve } of visible) {
    const to = upperBound(curve.x, view.max);
    for (let i = lowerBound(curve.x, view.min); i < to; i++) all.add(curve.x[i] as number);
  }
  const xs = [...all].sort((a, b) => a - b);
  const shown = xs.slice(0, limit);
  const cells = visible.map(({ curve }) => {
    const found = shown.map((x) => {
      const i = nearestIndex(curve.x, x);
      return i >= 0 && curve.x[i] === x ? i : -1;
    });
    const texts = formatColumn(found.map((i) => (i < 0 ? 0 : (curve.y[i] as number))));
    return found.map((i, row) => (i < 0 ? '' : (texts[row] ?? '')));
  });
  const rows = shown.map((x, row) => ({
    x: formatX(axis.kind, x),
    values: cells.map((column) => column[row] ?? ''),
  }));
  const columns = visible.map((line) => ({ name: line.name, color: line.run.color }));
  return { columns, rows, more: xs.length - rows.length };
}
