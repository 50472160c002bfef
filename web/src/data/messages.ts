// Typed twins of src/runlore/protocol/messages.py: the JSON bodies of /api/v1. Times are ISO 8601 in UTC, durations seconds.

export interface ErrorBody {
  code: string;
  message: string;
  hint: string;
  field: string | null;
  offset: number | null;
}

export interface Health {
  status: string;
  version: string;
  protocol: number;
  journal_format: number;
}

export interface Me {
  user: string;
  entity: string;
  entities: string[];
}

/** Exactly one of the two. */
export interface SessionRequest {
  link?: string;
  api_key?: string;
}

export interface Project {
  entity: string;
  name: string;
  runs: number;
  running: number;
  created_at: string;
  last_activity: string | null;
}

export interface Projects {
  projects: Project[];
}

/** Any value of a config or summary document; NaN and infinities travel as strings. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

export interface Run {
  key: number;
  entity: string;
  project: string;
  id: string;
  ordinal: number;
  name: string;
  state: string;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
  duration_s: number;
  user: string;
  notes: string;
  tags: string[];
  group: string;
  job_type: string;
  exit_code: number | null;
  state_reason: string;
  last_step: number | null;
  rows: number;
  lost_rows: number;
  version: number;
  config: JsonObject;
  summary: JsonObject;
}

export interface Runs {
  runs: Run[];
  total: number;
  offset: number;
}

export interface Key {
  name: string;
  runs: number;
}

export interface Keys {
  config: Key[];
  summary: Key[];
  metrics: Key[];
}

export interface Writer {
  writer: string;
  role: string;
  label: string;
  host: string;
  pid: number;
  offset: number;
  last_seen: string;
  damaged_bytes: number;
}

export interface Definition {
  x: string;
  hidden: boolean;
  summary: string[];
  goal: string;
}

export interface MetricInfo {
  name: string;
  stream: string;
  kind: string;
  count: number;
  first_step: number;
  last_step: number;
  definition: Definition;
}

export interface RunDetail {
  run: Run;
  metadata: JsonObject;
  metrics: MetricInfo[];
  writers: Writer[];
  losses: string[];
}

export interface RunPath {
  entity: string;
  project: string;
  id: string;
}

export interface SeriesRequest {
  runs: RunPath[];
  metrics: string[];
  x: string;
  x_min: number | null;
  x_max: number | null;
  buckets: number;
  raw_limit: number;
  stream: 'history' | 'system';
}

export interface ConsoleLine {
  number: number;
  time: string;
  stream: string;
  writer: string;
  text: string;
}

export interface ConsolePage {
  lines: ConsoleLine[];
  offset: number;
  total: number;
}

export interface Change {
  cursor: number;
  runs: number[];
  projects: string[];
}

export interface Changes extends Change {
  /** The cursor was too old: everything may have changed. */
  gap: boolean;
}
