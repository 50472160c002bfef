// A y-axis that keeps still while live data fits into it.
import type { Range } from '../base/geom';
import { type YExtent, calmDomain, yDomain } from '../plot/domain';

/** Holds the last axis. Calm only for new data: any other change of the view (its `key`) fits the axis anew. */
export class CalmAxis {
  #key = '';
  #domain: Range | null = null;

  /** The axis for an extent; null when there is nothing that it could show. */
  fit(key: string, extent: YExtent, log: boolean): Range | null {
    const next = yDomain(extent, log);
    this.#domain = key === this.#key ? calmDomain(this.#domain, next, extent, log) : next;
    this.#key = key;
    return this.#domain;
  }
}
