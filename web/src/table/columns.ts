// The columns of the runs table: the fixed ones, and one for every config and summary key of the project.
import { formatDuration, formatNumber } from '../base/format';
import type { Json, Keys, Run } from '../data/messages';
import { valueAt } from '../data/paths';

export type ColumnKind = 'name' | 'state' | 'created' | 'duration' | 'tags' | 'text' | 'value';

export interface RunColumn {
  id: string;
  title: string;
  width: number;
  align: 'start' | 'end';
  sortable: boolean;
  hint: string;
  kind: ColumnKind;
}

/** How many config and summary columns are shown before somebody chooses. */
const SHOWN_KEYS = 12;

function fixed(
  id: string,
  title: string,
  width: number,
  kind: ColumnKind,
  align: 'start' | 'end' = 'start',
): RunColumn {
  return { id, title, width, align, kind, sortable: kind !== 'tags', hint: title };
}

export const NAME: RunColumn = fixed('name', 'Name', 250, 'name');

export const FIXED: readonly RunColumn[] = [
  fixed('state', 'State', 108, 'state'),
  fixed('created_at', 'Created', 112, 'created'),
  fixed('duration_s', 'Duration', 92, 'duration', 'end'),
  fixed('user', 'User', 96, 'text'),
  fixed('tags', 'Tags', 170, 'tags'),
  fixed('group', 'Group', 120, 'text'),
  fixed('job_type', 'Job type', 96, 'text'),
  fixed('notes', 'Notes', 180, 'text'),
  fixed('id', 'ID', 96, 'text'),
  fixed('last_step', 'Last step', 92, 'value', 'end'),
  fixed('rows', 'Rows', 84, 'value', 'end'),
];

/** The column of a config or summary key, by its id "config.<path>" or "summary.<path>"; null for anything else. */
export function keyColumn(id: string): RunColumn | null {
  const dot = id.indexOf('.');
  const source = id.slice(0, dot);
  const path = id.slice(dot + 1);
  if ((source !== 'config' && source !== 'summary') || path === '') return null;
  const width = Math.max(104, Math.min(path.length * 6.6 + 40, 220));
  return { id, title: path, width, align: 'end', sortable: true, hint: `${source}.${path}`, kind: 'value' };
}

/** The column of an id, or null when the id means nothing. */
export function columnOf(id: string): RunColumn | null {
  return FIXED.find((column) => column.id === id) ?? keyColumn(id);
}

/**
 * The ids that are shown before somebody chooses: fixed columns with something in them, then the most frequent keys.
 *
 * Config keys that differ between the runs of `sample` go before those that do not. isGrouped: headings name the group.
 */
export function defaultColumns(keys: Keys | null, sample: readonly Run[], isGrouped = false): string[] {
  const has = (test: (run: Run) => boolean): boolean => sample.some(test);
  const columns = ['state', 'created_at', 'duration_s'];
  if (new Set(sample.map((run) => run.user)).size > 1) columns.push('user');
  if (has((run) => run.tags.length > 0)) columns.push('tags');
  if (!isGrouped && has((run) => run.group !== '')) columns.push('group');
  if (!isGrouped && has((run) => run.job_type !== '')) columns.push('job_type');
  if (!keys) return columns;
  const open = (name: string): boolean => !name.startsWith('_');
  const summary = keys.summary.map((key) => key.name).filter(open);
  const differs = (name: string): boolean =>
    new Set(sample.map((run) => JSON.stringify(valueAt(run.config, name)))).size > 1;
  const named = keys.config.map((key) => key.name).filter(open);
  const config = [...named.filter(differs), ...named.filter((name) => !differs(name))];
  const half = SHOWN_KEYS / 2;
  const configs = config.slice(0, Math.max(half, SHOWN_KEYS - summary.length));
  const summaries = summary.slice(0, SHOWN_KEYS - configs.length);
  return [...columns, ...configs.map((name) => `config.${name}`), ...summaries.map((name) => `summary.${name}`)];
}

/** Every id that may be chosen. */
export function allColumns(keys: Keys | null): string[] {
  const of = (source: 'config' | 'summary'): string[] => keys?.[source].map((key) => `${source}.${key.name}`) ?? [];
  return [...FIXED.map((column) => column.id), ...of('config'), ...of('summary')];
}

/** The value that a column shows of a run. */
export function cellValue(run: Run, id: string): Json | undefined {
  if (id.startsWith('config.')) return valueAt(run.config, id.slice('config.'.length));
  if (id.startsWith('summary.')) return valueAt(run.summary, id.slice('summary.'.length));
  return (run as unknown as Record<string, Json>)[id];
}

/** A value as one line, nothing left out. */
export function exactText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** A value as one line, numbers in at most five digits. */
export function valueText(value: Json | undefined): string {
  if (value === undefined || value === null) return value === null ? 'null' : '';
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < 1e15 ? String(value) : formatNumber(value, 5);
  if (typeof value === 'string') return value;
  return typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

/** How long a run has lasted: a running one goes on between the server's answers. */
export function durationText(run: Run, now: number): string {
  const lasted =
    run.state === 'running' ? Math.max(run.duration_s, (now - Date.parse(run.created_at)) / 1000) : run.duration_s;
  return formatDuration(lasted);
}

/** The sort after a click on a heading: ascending, then descending. Times and numbers begin with the largest. */
export function nextSort(sort: string, column: { id: string; align: 'start' | 'end' }): string {
  const largestFirst = column.align === 'end' || column.id === 'created_at';
  if (sort === column.id) return `-${column.id}`;
  if (sort === `-${column.id}`) return column.id;
  return largestFirst ? `-${column.id}` : column.id;
}

/** The columns of ids, the sorted one among them. A config and a summary key of one name are told apart by their full names. */
export function columnsOf(ids: readonly string[], sort: string): RunColumn[] {
  const sorted = sort.replace(/^-/, '');
  const all = ids.includes(sorted) ? ids : [sorted, ...ids];
  const columns = [NAME, ...all.flatMap((id) => (id === NAME.id ? [] : (columnOf(id) ?? [])))];
  const titles = Map.groupBy(columns, (column) => column.title);
  return columns.map((column) =>
    (titles.get(column.title)?.length ?? 0) > 1 ? { ...column, title: column.hint } : column,
  );
}
