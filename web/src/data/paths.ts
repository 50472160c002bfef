// Dotted paths into config and summary documents.
import type { Json, JsonObject } from './messages';

/** The value at a dotted path; a key that itself holds dots wins over nesting. undefined when absent. */
export function valueAt(document: JsonObject, path: string): Json | undefined {
  if (Object.hasOwn(document, path)) return document[path];
  for (let dot = path.indexOf('.'); dot > 0; dot = path.indexOf('.', dot + 1)) {
    const inner = document[path.slice(0, dot)];
    if (inner !== null && typeof inner === 'object' && !Array.isArray(inner)) {
      const found = valueAt(inner, path.slice(dot + 1));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

export interface Leaf {
  path: string;
  value: Json;
}

/** Every leaf of a document in its order, with its dotted path. Empty objects and lists are leaves. */
export function leaves(document: JsonObject, prefix = ''): Leaf[] {
  return Object.entries(document).flatMap(([key, value]) => {
    const path = prefix + key;
    const nested = value !== null && typeof value === 'object' && !Array.isArray(value);
    return nested && Object.keys(value).length > 0 ? leaves(value, `${path}.`) : [{ path, value }];
  });
}
