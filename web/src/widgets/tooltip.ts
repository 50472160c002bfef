// One tooltip for the whole page: shown on hover after a moment and at once on keyboard focus.
import { placeBelow } from './place';

const DELAY_MS = 400;
let box: HTMLElement | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

function show(anchor: Element, text: string): void {
  hide();
  box = document.createElement('div');
  box.className = 'tooltip';
  box.setAttribute('aria-hidden', 'true'); // what it says is the anchor's label already
  box.textContent = text;
  // Inside an open dialog or popover, so that it is drawn above it.
  (anchor.closest('dialog, [popover]') ?? document.body).append(box);
  placeBelow(box, anchor);
}

function hide(): void {
  clearTimeout(timer);
  box?.remove();
  box = null;
}

/** An attachment that shows `text` beside the element. The element carries the same words as its name or title. */
export function tooltip(text: string): (element: Element) => () => void {
  return (element) => {
    const enter = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => show(element, text), DELAY_MS);
    };
    const focus = (): void => {
      if (element.matches(':focus-visible')) show(element, text);
    };
    const key = (event: Event): void => {
      if ((event as KeyboardEvent).key === 'Escape') hide();
    };
    element.addEventListener('pointerenter', enter);
    element.addEventListener('pointerleave', hide);
    element.addEventListener('pointerdown', hide);
    element.addEventListener('focus', focus);
    element.addEventListener('blur', hide);
    element.addEventListener('keydown', key);
    return () => {
      hide();
      element.removeEventListener('pointerenter', enter);
      element.removeEventListener('pointerleave', hide);
      element.removeEventListener('pointerdown', hide);
      element.removeEventListener('focus', focus);
      element.removeEventListener('blur', hide);
      element.removeEventListener('keydown', key);
    };
  };
}
