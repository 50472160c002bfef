// The screens, each loaded when it is first shown.

export const screens = {
  projects: () => import('./Projects.svelte'),
  runs: () => import('./runs/Runs.svelte'),
  run: () => import('./run/Run.svelte'),
  nowhere: () => import('./Nowhere.svelte'),
  palette: () => import('./Palette.svelte'),
  keyMap: () => import('./KeyMap.svelte'),
};
