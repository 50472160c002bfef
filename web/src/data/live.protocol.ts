// What the page and its SharedWorker say to each other.
import type { Change } from './messages';

export type ToWorker = { kind: 'hello' } | { kind: 'bye' } | { kind: 'open' };

export type FromWorker = { kind: 'state'; connected: boolean } | { kind: 'change'; change: Change };

/** A hint as the queries get it. gap: something may have been missed, look at everything again. */
export interface Hint extends Change {
  gap: boolean;
}

/** The hint in the data of a server-sent event; null when it is none. */
export function parseChange(data: string): Change | null {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return null;
  }
  const change = value as Partial<Change> | null;
  if (!change || typeof change.cursor !== 'number') return null;
  return { cursor: change.cursor, runs: change.runs ?? [], projects: change.projects ?? [] };
}
