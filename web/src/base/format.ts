// Numbers, counts, durations, ages and sizes as text. Never more than six significant digits unless the number is a
// count, and always the same text for the same number.
import { DAY_S, HOUR_S, MINUTE_S, dayLabel } from './time';

/**
 * A measured value in at most `digits` significant digits: "0.984213", "1.5e-7", "1.23457e6", "NaN", "∞".
 *
 * Plain notation from 1e-4 up to `digits` digits before the point, else a short exponent. Trailing zeros are dropped.
 */
export function formatNumber(value: number, digits = 6): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  if (value === 0) return '0';
  const [mantissa = '0', exponentText = '0'] = value.toExponential(digits - 1).split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= digits) return `${trimZeros(mantissa)}e${exponent}`;
  return trimZeros(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

/**
 * Values of one column with the same number of decimals, so that their points stand below each other.
 *
 * At most `digits` significant digits; where that would leave a value less than three, each is written by itself.
 */
export function formatColumn(values: readonly number[], digits = 6): string[] {
  const sizes = values.filter((value) => Number.isFinite(value) && value !== 0).map((value) => Math.abs(value));
  const exponentOf = (size: number): number => Number(size.toExponential(digits - 1).split('e')[1]);
  const most = sizes.length > 0 ? exponentOf(Math.max(...sizes)) : 0;
  const least = sizes.length > 0 ? exponentOf(Math.min(...sizes)) : 0;
  if (most >= digits || least < -4 || most - least > digits - 3)
    return values.map((value) => formatNumber(value, digits));
  const decimals = Math.max(0, digits - 1 - most);
  const texts = values.map((value) => (Number.isFinite(value) ? (value === 0 ? 0 : value).toFixed(decimals) : ''));
  const needed = Math.max(0, ...texts.map((text) => trimZeros(text).split('.')[1]?.length ?? 0));
  return values.map((value) =>
    Number.isFinite(value) ? (value === 0 ? 0 : value).toFixed(needed) : formatNumber(value),
  );
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** A whole number in full, in groups of three: "240,000". A fraction keeps up to six significant digits. */
export function formatCount(value: number): string {
  if (!Number.isInteger(value)) return formatNumber(value);
  return Math.abs(value) >= 1e21 ? formatNumber(value) : value.toLocaleString('en-US');
}

/** "1 point", "240,000 points". */
export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** A duration in its two largest units: "0.4 s", "45 s", "3 m 05 s", "2 h 13 m", "4 d 2 h". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  if (seconds < 10) return `${trimZeros(seconds.toFixed(seconds < 1 ? 3 : 1))} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE_S) return `${whole} s`;
  const pair = (big: number, unit: string, small: number, smallUnit: string): string =>
    `${formatCount(big)} ${unit} ${String(small).padStart(2, '0')} ${smallUnit}`;
  if (whole < HOUR_S) return pair(Math.floor(whole / MINUTE_S), 'm', whole % MINUTE_S, 's');
  if (whole < DAY_S) return pair(Math.floor(whole / HOUR_S), 'h', Math.floor((whole % HOUR_S) / MINUTE_S), 'm');
  return `${formatCount(Math.floor(whole / DAY_S))} d ${Math.floor((whole % DAY_S) / HOUR_S)} h`;
}

/** A duration to the hundredth of a second: "0.25 s", "1 m 05.3 s", "1 h 02 m 05 s". */
export function formatExactDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0) return `-${formatExactDuration(-seconds)}`;
  if (seconds < 1) return `${formatNumber(seconds, 3)} s`;
  const hundredths = Math.round(seconds * 100);
  const minutes = Math.floor(hundredths / 6000);
  const rest = trimZeros(((hundredths % 6000) / 100).toFixed(2));
  if (minutes === 0) return `${rest} s`;
  const padded = rest.replace(/^\d(?!\d)/, '0$&');
  if (minutes < 60) return `${minutes} m ${padded} s`;
  return `${formatCount(Math.floor(minutes / 60))} h ${String(minutes % 60).padStart(2, '0')} m ${padded} s`;
}

/** How long ago `then` was at `now` (both epoch milliseconds): "just now", "12 s ago", "3 min ago", "2 h ago", "5 d ago", "5 Mar 2025". */
export function formatAge(then: number, now: number): string {
  const seconds = Math.round((now - then) / 1000);
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 5) return 'just now';
  if (seconds < MINUTE_S) return `${seconds} s ago`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min ago`;
  if (seconds < DAY_S) return `${Math.floor(seconds / HOUR_S)} h ago`;
  if (seconds < 30 * DAY_S) return `${Math.floor(seconds / DAY_S)} d ago`;
  const date = new Date(then);
  return `${dayLabel(date)} ${date.getFullYear()}`;
}

const SIZES = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** A size in powers of 1024: "512 B", "1.5 MiB", "139 GiB". */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return '–';
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 999.5 && unit < SIZES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text =
    unit === 0 || value >= 99.95 ? String(Math.round(value)) : trimZeros(value.toFixed(value < 9.995 ? 2 : 1));
  return `${bytes < 0 ? '-' : ''}${text} ${SIZES[unit] ?? ''}`;
}

const SI = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

/** A value on an axis whose labels are `step` apart: just enough digits to tell neighbours apart, "20k", "1.5M", "2e-5". */
export function formatTick(value: number, step: number): string {
  if (Math.abs(value) < Math.abs(step) * 1e-9) return '0';
  const size = Math.max(Math.abs(value), Math.abs(step));
  if (size >= 1e15 || size < 1e-4) {
    const exponent = Math.floor(Math.log10(Math.abs(value)) + 1e-12);
    const digits = Math.max(0, exponent - Math.floor(Math.log10(Math.abs(step)) + 1e-9));
    return value.toExponential(Math.min(digits, 8)).replace('e+', 'e');
  }
  const decimals = (unit: number): number =>
    Math.min(10, Math.max(0, Math.ceil(Math.log10(unit / Math.abs(step)) - 1e-9)));
  for (const [unit, letter] of SI) {
    // 2,000 reads better as it is; from 10k on the letter wins, unless it would need more digits than it saves.
    if (Math.abs(value) >= Math.max(unit, 1e4) && decimals(unit) <= 2) {
      return `${trimZeros((value / unit).toFixed(decimals(unit)))}${letter}`;
    }
  }
  return decimals(1) === 0 ? formatCount(Math.round(value)) : value.toFixed(decimals(1));
}
