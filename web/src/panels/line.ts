// What a line panel is given: the words that screens and panels share.
import type { Range } from '../base/geom';
import type { SeriesLine } from '../data/series';

/** How one run looks in every panel. */
export interface RunStyle {
  /** The run's key, as in `SeriesLine.run`. */
  readonly key: number;
  readonly name: string;
  /** "#rrggbb", for the theme shown now. */
  readonly color: string;
  readonly dashed?: boolean;
  /** Still running: its line ends in a dot. */
  readonly live?: boolean;
  readonly visible: boolean;
}

export type XKind = '_step' | '_runtime' | '_timestamp' | 'metric';

/** The x-axis. label: what stands under it, with the unit where there is one: "step", "relative time", "epoch". */
export interface XAxis {
  readonly kind: XKind;
  readonly label: string;
}

const LABELS: Readonly<Record<string, XAxis>> = {
  _step: { kind: '_step', label: 'step' },
  _runtime: { kind: '_runtime', label: 'relative time' },
  _timestamp: { kind: '_timestamp', label: 'wall time' },
};

/**
 * The axis that a frame is really over: the wanted one, unless the frame is older than the wish.
 *
 * x: `SeriesFrame.x`. Steps must not be labelled as seconds while the answer over seconds is on its way.
 */
export function axisOfFrame(x: string, wanted: XAxis): XAxis {
  const reserved = LABELS[x];
  if (reserved !== undefined) return reserved.kind === wanted.kind ? wanted : reserved;
  return wanted.kind === 'metric' ? wanted : { kind: 'metric', label: x };
}

/** Why there is no newer data, in the server's words, and what the button does. */
export interface PanelError {
  readonly message: string;
  readonly retry: () => void;
}

/** Where the pointer is, shared by the panels of a screen. x is null when it is in none of them. */
export interface SharedCrosshair {
  x: number | null;
  source: string | null;
}

/** Asks for the points of one line in a short range of x, to tell exactly where the extremes of a bucket are. */
export type Lookup = (run: number, metric: string, range: Range) => Promise<SeriesLine | null>;
