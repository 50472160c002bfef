// Light, dark or as the system says; remembered in this browser.

export type ThemeChoice = 'system' | 'light' | 'dark';
export type Theme = 'light' | 'dark';

const KEY = 'runlore.theme';
export const THEME_CHOICES: readonly ThemeChoice[] = ['system', 'light', 'dark'];

class ThemeState {
  #choice = $state.raw<ThemeChoice>('system');
  #systemDark = $state.raw(false);

  get choice(): ThemeChoice {
    return this.#choice;
  }

  /** What is shown now. */
  get current(): Theme {
    if (this.#choice !== 'system') return this.#choice;
    return this.#systemDark ? 'dark' : 'light';
  }

  /** Reads what is remembered and follows the system; called once before the first drawing. */
  start(): void {
    const remembered = localStorage.getItem(KEY);
    this.#choice = THEME_CHOICES.find((choice) => choice === remembered) ?? 'system';
    const media = matchMedia('(prefers-color-scheme: dark)');
    this.#systemDark = media.matches;
    media.addEventListener('change', () => {
      this.#systemDark = media.matches;
      this.#apply();
    });
    this.#apply();
  }

  set(choice: ThemeChoice): void {
    this.#choice = choice;
    localStorage.setItem(KEY, choice);
    this.#apply();
  }

  /** The next of system, light, dark. */
  next(): ThemeChoice {
    return THEME_CHOICES[(THEME_CHOICES.indexOf(this.#choice) + 1) % THEME_CHOICES.length] ?? 'system';
  }

  #apply(): void {
    document.documentElement.dataset['theme'] = this.current;
  }
}

export const theme = new ThemeState();
