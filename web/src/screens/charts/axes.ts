// The x-axes a chart can have, and how a choice becomes what the server and the panel need.
import type { MetricInfo } from '../../data/messages';
import type { Axis } from '../../state/views';

export interface AxisChoice {
  value: Axis;
  label: string;
  detail?: string;
  separated?: boolean;
}

export interface ResolvedAxis {
  kind: '_step' | '_runtime' | '_timestamp' | 'metric';
  /** The name for the server: the kind itself, or the metric. */
  x: string;
  label: string;
}

const RESERVED: readonly AxisChoice[] = [
  { value: '_step', label: 'Step' },
  { value: '_runtime', label: 'Relative time' },
  { value: '_timestamp', label: 'Wall time' },
];

/** Metrics offered as x-axis; the rest is found by searching on the metric's own page. */
const LISTED = 60;

/** The choices of the x-axis menu. metrics: names of number metrics. */
export function axisChoices(metrics: readonly string[]): AxisChoice[] {
  return [
    { value: 'auto', label: 'As defined', detail: 'step unless defined' },
    ...RESERVED.map((choice, i) => (i === 0 ? { ...choice, separated: true } : choice)),
    ...metrics
      .slice(0, LISTED)
      .map((name, i) => ({ value: name, label: name, ...(i === 0 ? { separated: true } : {}) })),
  ];
}

/** How a choice is called. */
export function axisLabel(axis: Axis): string {
  if (axis === 'auto') return 'as defined';
  return RESERVED.find((choice) => choice.value === axis)?.label.toLowerCase() ?? axis;
}

/** The axis of one metric's chart. metric: null when nothing is known of its definition. */
export function resolveAxis(axis: Axis, metric: Pick<MetricInfo, 'definition'> | null): ResolvedAxis {
  const wanted = axis === 'auto' ? metric?.definition.x || '_step' : axis;
  if (wanted === '_step') return { kind: '_step', x: wanted, label: 'step' };
  if (wanted === '_runtime') return { kind: '_runtime', x: wanted, label: 'relative time' };
  if (wanted === '_timestamp') return { kind: '_timestamp', x: wanted, label: 'wall time' };
  return { kind: 'metric', x: wanted, label: wanted };
}

/** The choice after the present one, for the keyboard. by: 1 or -1. */
export function nextAxis(axis: Axis, metrics: readonly string[], by: number): Axis {
  const choices = axisChoices(metrics);
  const at = choices.findIndex((choice) => choice.value === axis);
  return choices[(at + by + choices.length) % choices.length]?.value ?? 'auto';
}
