// Which parts of a scrolled page are near the window: one observer for all of them.

const MARGIN_PX = 300;
const watched = new WeakMap<Element, (isNear: boolean) => void>();
let observer: IntersectionObserver | null = null;

function shared(): IntersectionObserver {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) watched.get(entry.target)?.(entry.isIntersecting);
    },
    { rootMargin: `${MARGIN_PX}px` },
  );
  return observer;
}

/** An attachment that tells whether the element is in the window or close to it. */
export function inView(tell: (isNear: boolean) => void): (element: Element) => () => void {
  return (element) => {
    watched.set(element, tell);
    shared().observe(element);
    return () => {
      watched.delete(element);
      shared().unobserve(element);
    };
  };
}
