// The view of a screen as a query string and back: short keys, nothing where the default holds, exact round trip.

/** How one field of a view is written. `decode` gives undefined for what it does not understand: the default holds. */
export interface Field<T> {
  key: string;
  fallback: T;
  encode(value: T): string;
  decode(text: string): T | undefined;
}

export type Schema<V> = { [K in keyof V]: Field<V[K]> };

/** A free text. */
export function text(key: string, fallback = ''): Field<string> {
  return { key, fallback, encode: (value) => value, decode: (value) => value };
}

/** One of a few words. */
export function choice<T extends string>(key: string, words: readonly T[], fallback: T): Field<T> {
  return { key, fallback, encode: (value) => value, decode: (value) => words.find((word) => word === value) };
}

/** Yes or no. */
export function flag(key: string, fallback: boolean): Field<boolean> {
  const decode = (value: string): boolean | undefined => (value === '1' ? true : value === '0' ? false : undefined);
  return { key, fallback, encode: (value) => (value ? '1' : '0'), decode };
}

/** A finite number between `min` and `max`, exact. */
export function number(key: string, fallback: number, min = -Infinity, max = Infinity): Field<number> {
  const decode = (value: string): number | undefined => {
    const parsed = value.trim() === '' ? NaN : Number(value);
    return Number.isFinite(parsed) && parsed >= min && parsed <= max ? parsed : undefined;
  };
  return { key, fallback, encode: String, decode };
}

const escapeItem = (item: string): string => item.replaceAll('\\', '\\\\').replaceAll(',', '\\,');

/** Splits at commas that no backslash stands before, and takes the backslashes away. */
function splitItems(joined: string): string[] {
  const items: string[] = [];
  let item = '';
  for (let i = 0; i < joined.length; i++) {
    const char = joined.charAt(i);
    if (char === '\\' && i + 1 < joined.length) item += joined.charAt(++i);
    else if (char === ',') {
      items.push(item);
      item = '';
    } else item += char;
  }
  items.push(item);
  return items;
}

/** A list of texts, or null for "not chosen". An empty list is written as "-". */
export function list(key: string): Field<string[] | null> {
  return {
    key,
    fallback: null,
    encode: (value) => {
      if (value === null || value.length === 0) return '-';
      const joined = value.map(escapeItem).join(',');
      return joined === '' || joined === '-' ? `\\${joined === '' ? ',' : joined}` : joined;
    },
    decode: (value) => {
      if (value === '-') return [];
      if (value === '\\,') return [''];
      return splitItems(value);
    },
  };
}

export interface Zoom {
  panel: string;
  min: number;
  max: number;
}

/** The zoomed panels with their ranges. */
export function zooms(key: string): Field<readonly Zoom[]> {
  return {
    key,
    fallback: [],
    encode: (value) => value.flatMap((zoom) => [escapeItem(zoom.panel), String(zoom.min), String(zoom.max)]).join(','),
    decode: (value) => {
      const items = splitItems(value);
      if (items.length % 3 !== 0) return undefined;
      const found: Zoom[] = [];
      for (let i = 0; i < items.length; i += 3) {
        const min = Number(items[i + 1]);
        const max = Number(items[i + 2]);
        if (!Number.isFinite(min) || !Number.isFinite(max) || min > max) return undefined;
        found.push({ panel: items[i] ?? '', min, max });
      }
      return found;
    },
  };
}

function fieldsOf<V extends object>(schema: Schema<V>): [keyof V, Field<V[keyof V]>][] {
  return Object.entries(schema) as [keyof V, Field<V[keyof V]>][];
}

/** The query string of a view without "?"; "" when everything is at its default. */
export function encode<V extends object>(schema: Schema<V>, view: V): string {
  const params = new URLSearchParams();
  for (const [name, field] of fieldsOf(schema)) {
    const written = field.encode(view[name]);
    const isDefault =
      field.fallback === null ? view[name] === null : written === field.encode(field.fallback as V[keyof V]);
    if (!isDefault) params.set(field.key, written);
  }
  return params.toString();
}

/** The view that a query string describes; unknown keys and unreadable values are passed over. */
export function decode<V extends object>(schema: Schema<V>, search: string): V {
  const params = new URLSearchParams(search);
  const view: Partial<V> = {};
  for (const [name, field] of fieldsOf(schema)) {
    const written = params.get(field.key);
    const value = written === null ? undefined : field.decode(written);
    view[name] = value === undefined ? field.fallback : value;
  }
  return view as V;
}
