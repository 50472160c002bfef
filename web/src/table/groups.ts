// Runs under the headings of their group and job type: pure, from all runs in the order they are sorted.

export interface Groupable {
  group: string;
  job_type: string;
}

export interface GroupRow {
  kind: 'group';
  /** Stable over reloads: what the address bar keeps of a closed group. */
  id: string;
  title: string;
  field: 'group' | 'job type';
  depth: number;
  count: number;
  isOpen: boolean;
  /** Positions of the runs under it. */
  members: readonly number[];
}

export interface RunRow {
  kind: 'run';
  index: number;
  depth: number;
}

export type Row = GroupRow | RunRow;

function split(runs: readonly Groupable[], members: readonly number[], field: keyof Groupable): Map<string, number[]> {
  const parts = new Map<string, number[]>();
  for (const index of members) {
    const name = runs[index]?.[field] ?? '';
    const part = parts.get(name);
    if (part) part.push(index);
    else parts.set(name, [index]);
  }
  return parts;
}

/**
 * The rows to show: a heading a group in order of its first run, its runs under it; runs without a group come last.
 *
 * A group with more than one job type has a second level of headings. closed: ids of headings whose runs are hidden.
 */
export function groupRows(runs: readonly Groupable[], closed: ReadonlySet<string>): Row[] {
  const rows: Row[] = [];
  const groups = split(runs, [...runs.keys()], 'group');
  const names = [...groups.keys()].sort((a, b) => Number(a === '') - Number(b === ''));
  for (const name of names) {
    const members = groups.get(name) ?? [];
    const id = `g:${name}`;
    const isOpen = !closed.has(id);
    rows.push({ kind: 'group', id, title: name, field: 'group', depth: 0, count: members.length, isOpen, members });
    if (!isOpen) continue;
    const types = split(runs, members, 'job_type');
    for (const [type, inner] of types) {
      if (types.size === 1) {
        for (const index of inner) rows.push({ kind: 'run', index, depth: 1 });
        continue;
      }
      const typeId = `${id}/j:${type}`;
      const typeOpen = !closed.has(typeId);
      const count = inner.length;
      rows.push({
        kind: 'group',
        id: typeId,
        title: type,
        field: 'job type',
        depth: 1,
        count,
        isOpen: typeOpen,
        members: inner,
      });
      if (typeOpen) for (const index of inner) rows.push({ kind: 'run', index, depth: 2 });
    }
  }
  return rows;
}
