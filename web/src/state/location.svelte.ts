// The address bar as state. What a screen shows is read from here and changed by going somewhere.
import { parsePath, type Route } from './routes';
import { decode, encode, type Schema } from './url';

/** How long the address bar waits for a typed or dragged value to rest. */
const SETTLE_MS = 150;

class Location {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #path = $state.raw('/');
  #search = $state.raw('');
  readonly route: Route = $derived(parsePath(this.#path));

  get path(): string {
    return this.#path;
  }
  get search(): string {
    return this.#search;
  }

  /** Takes over the address bar and the clicks on links of this page; returns how to let go. */
  start(): () => void {
    const read = (): void => {
      clearTimeout(this.#timer);
      this.#path = window.location.pathname;
      this.#search = window.location.search;
    };
    const click = (event: MouseEvent): void => {
      if (
        event.defaultPrevented ||
        event.button !== 0 ||
        event.metaKey ||
        event.ctrlKey ||
        event.shiftKey ||
        event.altKey
      )
        return;
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (!link || link.target || link.hasAttribute('download') || link.origin !== window.location.origin) return;
      if (link.pathname.startsWith('/api/') || link.getAttribute('href')?.startsWith('#')) return;
      event.preventDefault();
      this.go(link.pathname + link.search);
    };
    read();
    addEventListener('popstate', read);
    document.addEventListener('click', click);
    return () => {
      removeEventListener('popstate', read);
      document.removeEventListener('click', click);
    };
  }

  /** Goes to a path with its query. replace: the present place is not kept for "back". */
  go(href: string, options: { replace?: boolean } = {}): void {
    const url = new URL(href, window.location.origin);
    if (url.pathname === this.#path && url.search === this.#search) return;
    this.#path = url.pathname;
    this.#search = url.search;
    if (options.replace) {
      // Browsers allow few history entries a second; a dragged slider makes more.
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#write(), SETTLE_MS);
    } else {
      clearTimeout(this.#timer);
      history.pushState(null, '', this.#path + this.#search);
    }
  }

  #write(): void {
    history.replaceState(null, '', this.#path + this.#search);
  }

  /** Changes fields of the present screen's view. replace: while typing or dragging, so that "back" skips it. */
  change<V extends object>(schema: Schema<V>, patch: Partial<V>, options: { replace?: boolean } = {}): void {
    const next = encode(schema, { ...decode(schema, this.#search), ...patch });
    this.go(this.#path + (next ? `?${next}` : ''), options);
  }
}

export const location = new Location();
