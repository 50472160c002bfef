// What the address bar remembers of each screen.
import { choice, flag, list, number, text, zooms, type Schema, type Zoom } from './url';

export type Grouping = 'auto' | 'on' | 'off';

/** The x-axis: "auto" (what the metric's definition says), a reserved key, or the name of a metric. */
export type Axis = string;

export interface ChartsView {
  axis: Axis;
  smoothing: number;
  yLog: boolean;
  filter: string;
  zooms: readonly Zoom[];
}

export interface RunsView extends ChartsView {
  search: string;
  sort: string;
  columns: string[] | null;
  grouping: Grouping;
  closed: string[] | null;
  charts: boolean;
}

export interface RunView extends ChartsView {
  showHidden: boolean;
  closed: string[] | null;
  stamps: boolean;
  wrap: boolean;
  find: string;
}

const charts: Schema<ChartsView> = {
  axis: text('x', 'auto'),
  smoothing: number('m', 0, 0, 0.999),
  yLog: flag('l', false),
  filter: text('f'),
  zooms: zooms('z'),
};

export const runsSchema: Schema<RunsView> = {
  search: text('q'),
  sort: text('s', '-created_at'),
  columns: list('c'),
  grouping: choice('g', ['auto', 'on', 'off'], 'auto'),
  closed: list('k'),
  charts: flag('p', true),
  ...charts,
};

export const runSchema: Schema<RunView> = {
  ...charts,
  showHidden: flag('h', false),
  closed: list('k'),
  stamps: flag('t', false),
  wrap: flag('w', false),
  find: text('q'),
};

export interface ProjectsView {
  search: string;
}

export const projectsSchema: Schema<ProjectsView> = { search: text('q') };
