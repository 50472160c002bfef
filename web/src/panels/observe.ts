// One ResizeObserver, one IntersectionObserver and one watch on the pixel ratio for all panels of a page.

type Size = { readonly width: number; readonly height: number };

const sizes = new WeakMap<Element, (size: Size) => void>();
let resize: ResizeObserver | null = null;

/** Calls back with the size of the element's content box, now and whenever it changes. Returns the end of it. */
export function watchSize(element: Element, changed: (size: Size) => void): () => void {
  resize ??= new ResizeObserver((entries) => {
    for (const entry of entries) sizes.get(entry.target)?.(entry.contentRect);
  });
  sizes.set(element, changed);
  resize.observe(element);
  return () => {
    sizes.delete(element);
    resize?.unobserve(element);
  };
}

/** How far outside of the window a panel is drawn already. */
const AHEAD_PX = 400;
const sights = new WeakMap<Element, (near: boolean) => void>();
let sight: IntersectionObserver | null = null;

/** Calls back when the element comes near the window or leaves it. Returns the end of it. */
export function watchNear(element: Element, changed: (near: boolean) => void): () => void {
  sight ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) sights.get(entry.target)?.(entry.isIntersecting);
    },
    { rootMargin: `${AHEAD_PX}px` },
  );
  sights.set(element, changed);
  sight.observe(element);
  return () => {
    sights.delete(element);
    sight?.unobserve(element);
  };
}

const ratioWatchers = new Set<(ratio: number) => void>();
let stopRatio: (() => void) | null = null;

/** Calls back with the device pixels of a CSS pixel, now and when the window moves to another screen or is zoomed. */
export function watchRatio(changed: (ratio: number) => void): () => void {
  ratioWatchers.add(changed);
  changed(devicePixelRatio);
  if (stopRatio === null) listenRatio();
  return () => {
    ratioWatchers.delete(changed);
    if (ratioWatchers.size === 0) {
      stopRatio?.();
      stopRatio = null;
    }
  };
}

function listenRatio(): void {
  const media = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
  const tell = (): void => {
    listenRatio();
    for (const changed of ratioWatchers) changed(devicePixelRatio);
  };
  media.addEventListener('change', tell, { once: true });
  stopRatio = () => media.removeEventListener('change', tell);
}

let pen: CanvasRenderingContext2D | null = null;
let penFont = '';
const widths = new Map<string, number>();

/** Width of an axis label in CSS pixels, in the page's own font at 11 px. */
export function labelWidth(text: string): number {
  if (pen === null) {
    pen = document.createElement('canvas').getContext('2d');
    penFont = `11px ${getComputedStyle(document.body).fontFamily}`;
  }
  if (pen === null) return text.length * 6.5;
  let width = widths.get(text);
  if (width === undefined) {
    pen.font = penFont;
    width = pen.measureText(text).width;
    if (widths.size > 5000) widths.clear();
    widths.set(text, width);
  }
  return width;
}
