// A JSON document as the rows of a tree.
import type { Json, JsonObject } from '../../data/messages';
import { exactText } from '../../table/columns';

export interface TreeRow {
  /** Unique in the tree. */
  path: string;
  key: string;
  depth: number;
  isBranch: boolean;
  isOpen: boolean;
  value: Json;
  /** "3 keys", "2 items"; "" for a leaf. */
  size: string;
}

function childrenOf(value: Json): [string, Json][] | null {
  if (value === null || typeof value !== 'object') return null;
  if (!Array.isArray(value)) return Object.keys(value).length > 0 ? Object.entries(value) : null;
  // A list of plain values reads best on one line.
  const isNested = value.some((item) => item !== null && typeof item === 'object');
  return isNested ? value.map((item, i) => [String(i), item]) : null;
}

/**
 * The rows to show, parents before children.
 *
 * search: keeps what it occurs in (path or value, case does not matter) with its parents, and opens them. closed: paths of
 * branches whose children are hidden.
 */
export function treeRows(document: JsonObject, search: string, closed: ReadonlySet<string>): TreeRow[] {
  const needle = search.toLowerCase();
  const walk = (entries: [string, Json][], prefix: string, depth: number): TreeRow[] =>
    entries.flatMap(([key, value]) => {
      const path = prefix ? `${prefix}.${key}` : key;
      const children = childrenOf(value);
      if (!children) {
        if (needle && !`${path} ${exactText(value)}`.toLowerCase().includes(needle)) return [];
        return [{ path, key, depth, isBranch: false, isOpen: false, value, size: '' }];
      }
      const isOpen = needle !== '' || !closed.has(path);
      const below = isOpen ? walk(children, path, depth + 1) : [];
      if (needle && below.length === 0) return [];
      const unit = Array.isArray(value) ? 'item' : 'key';
      const size = `${children.length} ${unit}${children.length === 1 ? '' : 's'}`;
      return [{ path, key, depth, isBranch: true, isOpen, value, size }, ...below];
    });
  return walk(Object.entries(document), '', 0);
}
