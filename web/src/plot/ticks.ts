// Round ticks for every scale, with labels that are as short as they can be and still differ.
import { formatTick } from '../base/format';
import { DAY_S, HOUR_S, MINUTE_S, dayLabel, minuteLabel, monthLabel, secondLabel } from '../base/time';
import type { Scale } from './scale';

/** A place on an axis. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** What the values of an axis mean: this decides what counts as round. */
export type TickUnit = 'number' | 'integer' | 'duration' | 'instant';

/** About `want` ticks (≥ 1) within the scale. duration: seconds. instant: seconds since 1970, labelled in local time. */
export function ticks(scale: Scale, want: number, unit: TickUnit = 'number'): Tick[] {
  if (!(scale.hi > scale.lo)) return [];
  if (scale.kind === 'log') return logTicks(scale.lo, scale.hi, want);
  if (scale.kind === 'symlog') return symlogTicks(scale, want);
  if (unit === 'instant') return instantTicks(scale.lo, scale.hi, want);
  if (unit === 'duration') return durationTicks(scale.lo, scale.hi, want);
  return linearTicks(scale.lo, scale.hi, want, unit === 'integer');
}

/** The step 1, 2 or 5 times a power of ten that cuts a span into about `want` parts. */
export function roundStep(span: number, want: number): number {
  const rough = span / Math.max(1, want);
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.2 ? 2 : share < 7.5 ? 5 : 10);
}

function linearTicks(lo: number, hi: number, want: number, integer: boolean): Tick[] {
  const half = hi * 0.5 - lo * 0.5;
  const step = Math.max(roundStep(half, want / 2), integer ? 1 : 0);
  return multiples(lo, hi, step).map((value) => ({ value, label: formatTick(value, step) }));
}

function multiples(lo: number, hi: number, step: number): number[] {
  const values: number[] = [];
  const first = Math.ceil(lo / step - 1e-9);
  const last = Math.floor(hi / step + 1e-9);
  if (!Number.isFinite(first) || last - first > 1000) return values;
  // Dividing by the inverse of a small step keeps 0.3 from becoming 0.30000000000000004.
  const inverse = Math.round(1 / step);
  for (let k = first; k <= last; k++) values.push(step < 1 && inverse < 1e15 ? k / inverse : k * step);
  return values;
}

function logTicks(lo: number, hi: number, want: number): Tick[] {
  const low = Math.log10(lo);
  const high = Math.log10(hi);
  if (high - low < 0.7) return linearTicks(lo, hi, want, false).filter((tick) => tick.value > 0);
  const every = Math.max(1, Math.ceil((high - low) / want));
  const shares = every === 1 && high - low < want / 2.5 ? [1, 2, 5] : [1];
  const found: Tick[] = [];
  for (let e = Math.floor(low / every) * every; e <= high; e += every) {
    for (const share of shares) {
      const value = e < 0 ? share / 10 ** -e : share * 10 ** e;
      if (value >= lo * 0.999999 && value <= hi * 1.000001) found.push({ value, label: formatTick(value, 10 ** e) });
    }
  }
  return found;
}

function symlogTicks(scale: Scale, want: number): Tick[] {
  const side = (end: number): Tick[] =>
    end > scale.threshold ? logTicks(scale.threshold, end, Math.max(1, want / 2)) : [];
  const up = side(scale.hi).filter((tick) => tick.value >= scale.lo);
  const down = side(-scale.lo)
    .filter((tick) => -tick.value <= scale.hi)
    .map((tick) => ({ value: -tick.value, label: `-${tick.label}` }));
  const zero = scale.lo <= 0 && scale.hi >= 0 ? [{ value: 0, label: '0' }] : [];
  return [...down.reverse(), ...zero, ...up];
}

const CLOCK_STEPS = [1, 2, 5, 10, 15, 30].flatMap((n) => [n, n * MINUTE_S]);
const LONG_STEPS = [1, 2, 3, 6, 12].map((n) => n * HOUR_S).concat([1, 2, 7, 14, 30, 90, 365].map((n) => n * DAY_S));
const STEPS = [...CLOCK_STEPS, ...LONG_STEPS].sort((a, b) => a - b);

function durationTicks(lo: number, hi: number, want: number): Tick[] {
  const rough = (hi - lo) / Math.max(1, want);
  if (rough < 0.75) {
    const step = roundStep(hi - lo, want);
    return multiples(lo, hi, step).map((value) => ({
      value,
      label: value === 0 ? '0' : `${formatTick(value, step)}s`,
    }));
  }
  const step = nearestStep(rough);
  return multiples(lo, hi, step).map((value) => ({ value, label: durationLabel(value, step) }));
}

function nearestStep(rough: number): number {
  const longest = STEPS[STEPS.length - 1] as number;
  if (rough > longest) return longest * roundStep(rough / longest, 1);
  return STEPS.find((step) => step >= rough * 0.75) ?? longest;
}

function durationLabel(seconds: number, step: number): string {
  if (seconds === 0) return '0';
  const sign = seconds < 0 ? '-' : '';
  const whole = Math.abs(Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / DAY_S), 'd'],
    [Math.floor((whole % DAY_S) / HOUR_S), 'h'],
    [Math.floor((whole % HOUR_S) / MINUTE_S), 'm'],
    [whole % MINUTE_S, 's'],
  ];
  // Half hours past many days say nothing more: two units are enough.
  const said = parts.filter(([amount]) => amount > 0).slice(0, step >= DAY_S ? 1 : 2);
  return sign + said.map(([amount, unit]) => `${amount}${unit}`).join('');
}

function instantTicks(lo: number, hi: number, want: number): Tick[] {
  const rough = (hi - lo) / Math.max(1, want);
  if (rough < 0.75) {
    const step = roundStep(hi - lo, want);
    return multiples(lo, hi, step).map((value) => ({ value, label: secondLabel(new Date(value * 1000), true) }));
  }
  if (rough > 20 * DAY_S) return monthTicks(lo, hi, rough);
  const step = nearestStep(rough);
  const found: Tick[] = [];
  // Steps count from local midnight, so that 6 h steps fall on 0, 6, 12, 18 in every time zone.
  const start = new Date(lo * 1000);
  start.setHours(0, 0, 0, 0);
  // An hour early, for days on which the clock was put forward.
  const first = step >= DAY_S ? 0 : Math.max(0, Math.floor((lo - start.getTime() / 1000 - HOUR_S) / step));
  for (let n = first; ; n++) {
    const date = new Date(start);
    if (step >= DAY_S) date.setDate(date.getDate() + n * Math.round(step / DAY_S));
    else date.setSeconds(n * step);
    const value = date.getTime() / 1000;
    if (value > hi) break;
    if (value >= lo) found.push({ value, label: instantLabel(date, step) });
  }
  return found;
}

function instantLabel(date: Date, step: number): string {
  const midnight = date.getHours() + date.getMinutes() + date.getSeconds() === 0;
  if (step >= DAY_S || midnight) return dayLabel(date);
  return step >= MINUTE_S ? minuteLabel(date) : secondLabel(date);
}

function monthTicks(lo: number, hi: number, rough: number): Tick[] {
  const months = [1, 2, 3, 6, 12].find((m) => m * 30 * DAY_S >= rough * 0.75);
  const every = months ?? 12 * roundStep(rough / (365 * DAY_S), 1);
  const first = new Date(lo * 1000);
  const found: Tick[] = [];
  for (let n = 0; n < 200; n++) {
    const month = Math.floor(first.getMonth() / Math.min(every, 12)) * Math.min(every, 12) + n * every;
    const date = new Date(first.getFullYear(), month, 1);
    const value = date.getTime() / 1000;
    if (value > hi) break;
    if (value >= lo) found.push({ value, label: every >= 12 ? String(date.getFullYear()) : monthLabel(date) });
  }
  return found;
}

/** `ticks` without those whose label would touch a neighbour or leave the axis. position, width: in pixels. */
export function thinTicks(
  found: readonly Tick[],
  position: (tick: Tick) => number,
  width: (label: string) => number,
  gap: number,
): Tick[] {
  let end = -Infinity;
  return found.filter((tick) => {
    const half = width(tick.label) / 2;
    const at = position(tick);
    if (at - half < end + gap) return false;
    end = at + half;
    return true;
  });
}
