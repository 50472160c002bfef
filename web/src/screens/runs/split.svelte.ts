// How much of the screen the charts take; remembered in this browser, for narrow windows apart.
import { MediaQuery } from 'svelte/reactivity';

const KEY = 'runlore.charts.height';
const NARROW_KEY = 'runlore.charts.height.narrow';
/** The tools in two rows and one chart. */
const NARROW_PX = 306;

/** One row of charts on a small screen, two on a large one. */
function fallback(): number {
  return innerHeight >= 860 ? 500 : 280;
}

const narrow = new MediaQuery('max-width: 640px');

class ChartsHeight {
  #wide = $state.raw(Number(localStorage.getItem(KEY)) || fallback());
  #narrow = $state.raw(Number(localStorage.getItem(NARROW_KEY)) || NARROW_PX);

  /** Height of the charts above the table, px. */
  get value(): number {
    return narrow.current ? this.#narrow : this.#wide;
  }
  set value(px: number) {
    if (narrow.current) this.#narrow = px;
    else this.#wide = px;
    localStorage.setItem(narrow.current ? NARROW_KEY : KEY, String(px));
  }
}

export const chartsHeight = new ChartsHeight();
