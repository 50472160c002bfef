// The present, moving: relative times read `clock.now` and are redrawn by themselves.

class Clock {
  #now = $state.raw(Date.now());

  constructor() {
    if (typeof document === 'undefined') return;
    const tick = (): void => {
      if (!document.hidden) this.#now = Date.now();
    };
    setInterval(tick, 1000);
    document.addEventListener('visibilitychange', tick);
  }

  /** Milliseconds since 1970, a second exact. */
  get now(): number {
    return this.#now;
  }
}

export const clock = new Clock();
