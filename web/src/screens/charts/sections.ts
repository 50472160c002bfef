// Metrics in sections by what stands before the first slash, and the search over them.

export interface Section<T> {
  title: string;
  items: readonly T[];
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The part of a metric's name before the first slash, "" without one. */
export function prefixOf(name: string): string {
  const slash = name.indexOf('/');
  return slash > 0 ? name.slice(0, slash) : '';
}

/** Sections in order of their names, metrics without a prefix first. nameOf: the metric's name. */
export function sectionsOf<T>(items: readonly T[], nameOf: (item: T) => string, sectionOf = prefixOf): Section<T>[] {
  const found = new Map<string, T[]>();
  for (const item of [...items].sort((a, b) => collator.compare(nameOf(a), nameOf(b)))) {
    const title = sectionOf(nameOf(item));
    const section = found.get(title);
    if (section) section.push(item);
    else found.set(title, [item]);
  }
  return [...found].map(([title, all]) => ({ title, items: all })).sort((a, b) => collator.compare(a.title, b.title));
}

/** A test for names: a regular expression where the text is one, else the text itself; case does not matter. */
export function matcher(text: string): (name: string) => boolean {
  if (text === '') return () => true;
  try {
    const pattern = new RegExp(text, 'i');
    return (name) => pattern.test(name);
  } catch {
    const plain = text.toLowerCase(); // half-typed, like "loss("
    return (name) => name.toLowerCase().includes(plain);
  }
}

/** The area of the machine that a system metric is about. */
export function areaOf(name: string): string {
  const areas: [RegExp, string][] = [
    [/^disk\b/i, 'Disk'], // first: the name holds a path
    [/gpu/i, 'GPU'],
    [/cpu/i, 'CPU'],
    [/disk/i, 'Disk'],
    [/net/i, 'Network'],
    [/mem|rss|swap/i, 'Memory'],
  ];
  return areas.find(([pattern]) => pattern.test(name))?.[1] ?? 'Other';
}
