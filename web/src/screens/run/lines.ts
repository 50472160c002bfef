// Where console lines stand when long ones are wrapped: rows of one height, a line takes as many as it needs.

export interface PlacedLine {
  number: number;
  /** First row of the line, counted from the top of everything. */
  row: number;
  rows: number;
}

/** How many rows a line of `length` characters takes. columns: characters a row, Infinity without wrapping. */
export function rowsOf(length: number, columns: number): number {
  return Math.max(Math.ceil(length / columns), 1);
}

/**
 * Rows of all lines. Lines that are not loaded count as one row until they are.
 *
 * lengthsOf: the lengths of the loaded lines of a page, holes where a line is missing.
 */
export class LineLayout {
  readonly rows: number;
  #total: number;
  #perPage: number;
  #columns: number;
  #lengthsOf: (page: number) => readonly (number | undefined)[];
  /** First row of each page. */
  #starts: number[] = [];

  constructor(
    total: number,
    perPage: number,
    columns: number,
    lengthsOf: (page: number) => readonly (number | undefined)[],
  ) {
    this.#total = total;
    this.#perPage = perPage;
    this.#columns = columns;
    this.#lengthsOf = lengthsOf;
    if (columns === Infinity) {
      this.rows = total;
      return;
    }
    let row = 0;
    for (let page = 0; page * perPage < total; page++) {
      this.#starts.push(row);
      row += Math.min(perPage, total - page * perPage);
      for (const length of lengthsOf(page)) if (length !== undefined) row += rowsOf(length, columns) - 1;
    }
    this.rows = row;
  }

  /** The lines that touch the rows `first` to `last`. */
  between(first: number, last: number): PlacedLine[] {
    const placed: PlacedLine[] = [];
    if (this.#columns === Infinity) {
      const end = Math.min(last, this.#total - 1);
      for (let number = Math.max(first, 0); number <= end; number++) placed.push({ number, row: number, rows: 1 });
      return placed;
    }
    for (let page = this.#pageAt(first); page * this.#perPage < this.#total; page++) {
      let row = this.#starts[page] ?? 0;
      if (row > last) break;
      const lengths = this.#lengthsOf(page);
      const count = Math.min(this.#perPage, this.#total - page * this.#perPage);
      for (let i = 0; i < count && row <= last; i++) {
        const rows = rowsOf(lengths[i] ?? 0, this.#columns);
        if (row + rows > first) placed.push({ number: page * this.#perPage + i, row, rows });
        row += rows;
      }
    }
    return placed;
  }

  /** The first row of a line. */
  rowOf(number: number): number {
    if (this.#columns === Infinity) return number;
    const page = Math.floor(number / this.#perPage);
    const lengths = this.#lengthsOf(page);
    let row = this.#starts[page] ?? 0;
    for (let i = 0; i < number % this.#perPage; i++) row += rowsOf(lengths[i] ?? 0, this.#columns);
    return row;
  }

  #pageAt(row: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#starts[middle] ?? 0) <= row) low = middle;
      else high = middle - 1;
    }
    return Math.max(low, 0);
  }
}
