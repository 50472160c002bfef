// Where long lists were scrolled to, so that "back" finds the same rows. For this tab, until it is reloaded.

export const scrolls = new Map<string, number>();
