// Which of many names a few typed letters mean.

/** How well `text` is found in `name`: lower is better, null is not at all. Letters must come in order, gaps cost. */
export function score(text: string, name: string): number | null {
  const needle = text.toLowerCase().replaceAll(' ', '');
  const hay = name.toLowerCase();
  const whole = hay.indexOf(text.toLowerCase().trim());
  if (whole >= 0) return whole === 0 || hay.charAt(whole - 1) === ' ' ? whole : whole + 20;
  let at = -1;
  let cost = 100;
  for (const letter of needle) {
    const next = hay.indexOf(letter, at + 1);
    if (next < 0) return null;
    const startsWord = next === 0 || /[\s/_.-]/.test(hay.charAt(next - 1));
    cost += startsWord ? 1 : 2 * (next - at);
    at = next;
  }
  return cost;
}

/** The items whose name holds the letters of `text`, the best first; all of them, as they are, without text. */
export function rank<T>(text: string, items: readonly T[], nameOf: (item: T) => string): T[] {
  if (text.trim() === '') return [...items];
  const scored = items.flatMap((item, order) => {
    const cost = score(text, nameOf(item));
    return cost === null ? [] : [{ item, cost, order }];
  });
  return scored.sort((a, b) => a.cost - b.cost || a.order - b.order).map((one) => one.item);
}
