// Where floating things go: under what they belong to, or above it, always inside the window.

const GAP = 6;
const MARGIN = 8;

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** The left and top of a box of `size` at `anchor` in a window of `width` × `height`. */
export function placement(
  anchor: Box,
  size: { width: number; height: number },
  window: { width: number; height: number },
  align: 'start' | 'center' | 'end',
): { left: number; top: number } {
  const wanted = {
    start: anchor.left,
    center: anchor.left + (anchor.width - size.width) / 2,
    end: anchor.left + anchor.width - size.width,
  }[align];
  const left = Math.max(MARGIN, Math.min(wanted, window.width - size.width - MARGIN));
  const below = anchor.top + anchor.height + GAP;
  const above = anchor.top - GAP - size.height;
  const fitsBelow = below + size.height <= window.height - MARGIN;
  const top =
    fitsBelow || above < MARGIN ? Math.min(below, Math.max(window.height - size.height - MARGIN, MARGIN)) : above;
  return { left, top };
}

/** Moves a fixed element to its anchor. */
export function placeBelow(element: HTMLElement, anchor: Element, align: 'start' | 'center' | 'end' = 'center'): void {
  const { left, top } = placement(
    anchor.getBoundingClientRect(),
    { width: element.offsetWidth, height: element.offsetHeight },
    { width: innerWidth, height: innerHeight },
    align,
  );
  element.style.left = `${left}px`;
  element.style.top = `${top}px`;
}
