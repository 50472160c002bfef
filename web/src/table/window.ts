// Which rows and columns of a large grid are alive: arithmetic only.

/** Browsers cut elements off near 17 million px; above this height scrolling maps to rows by ratio. */
export const MAX_HEIGHT = 10_000_000;

export interface RowWindow {
  /** First and last row to draw, inclusive; last < first when there is none. */
  first: number;
  last: number;
  /** Where the first row's top lies in the scrolled element, px. */
  top: number;
}

/** The scrolled height of `count` rows. */
export function scrollHeight(count: number, rowHeight: number): number {
  return Math.min(count * rowHeight, MAX_HEIGHT);
}

/** The rows to draw. overscan: rows beyond the edges. */
export function rowsInView(
  scrollTop: number,
  viewport: number,
  count: number,
  rowHeight: number,
  overscan = 6,
): RowWindow {
  if (count === 0) return { first: 0, last: -1, top: 0 };
  const full = count * rowHeight;
  const height = scrollHeight(count, rowHeight);
  const position = Math.max(0, Math.min(scrollTop, Math.max(height - viewport, 0)));
  const shown = full > height ? (position / (height - viewport)) * (full - viewport) : position;
  const first = Math.max(Math.floor(shown / rowHeight) - overscan, 0);
  const last = Math.min(Math.ceil((shown + viewport) / rowHeight) - 1 + overscan, count - 1);
  return { first, last, top: position - shown + first * rowHeight };
}

/** The scroll position that brings a row wholly into view, or the present one when it is. inset: px hidden by the header. */
export function scrollToRow(
  row: number,
  scrollTop: number,
  viewport: number,
  count: number,
  rowHeight: number,
): number {
  const full = count * rowHeight;
  const height = scrollHeight(count, rowHeight);
  const ratio = full > height ? (height - viewport) / (full - viewport) : 1;
  const shown = scrollTop / ratio;
  if (row * rowHeight < shown) return row * rowHeight * ratio;
  if ((row + 1) * rowHeight > shown + viewport) return ((row + 1) * rowHeight - viewport) * ratio;
  return scrollTop;
}

export interface ColumnWindow {
  first: number;
  last: number;
}

/** The left edge of each column, and the total width as the last entry. */
export function columnEdges(widths: readonly number[]): number[] {
  const edges = [0];
  for (const width of widths) edges.push((edges[edges.length - 1] ?? 0) + width);
  return edges;
}

/** The columns to draw beside the pinned first one. edges: from `columnEdges`, the pinned column included. */
export function columnsInView(
  scrollLeft: number,
  viewport: number,
  edges: readonly number[],
  overscan = 1,
): ColumnWindow {
  const count = edges.length - 1;
  let first = 1;
  while (first < count - 1 && (edges[first + 1] ?? 0) <= scrollLeft + (edges[1] ?? 0)) first++;
  let last = first;
  while (last < count - 1 && (edges[last + 1] ?? 0) < scrollLeft + viewport) last++;
  return { first: Math.max(first - overscan, 1), last: Math.min(last + overscan, count - 1) };
}
