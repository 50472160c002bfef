// Paths of the app and what they mean.

export const TABS = ['charts', 'overview', 'logs', 'system'] as const;
export type Tab = (typeof TABS)[number];

export type Route =
  | { screen: 'projects' }
  | { screen: 'runs'; entity: string; project: string }
  | { screen: 'run'; entity: string; project: string; id: string; tab: Tab }
  | { screen: 'nowhere'; path: string };

function parts(path: string): string[] | null {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map(decodeURIComponent);
  } catch {
    return null; // a stray % in a hand-written address
  }
}

/** The screen that a path names. */
export function parsePath(path: string): Route {
  const nowhere: Route = { screen: 'nowhere', path };
  const found = parts(path);
  if (found === null) return nowhere;
  const [entity, project, word, id, tab] = found;
  if (entity === undefined) return { screen: 'projects' };
  if (project === undefined) return nowhere;
  if (word === undefined) return { screen: 'runs', entity, project };
  if (word !== 'runs' || found.length > 5) return nowhere;
  if (id === undefined) return { screen: 'runs', entity, project };
  if (tab === undefined) return { screen: 'run', entity, project, id, tab: 'charts' };
  const known = TABS.find((name) => name === tab);
  return known ? { screen: 'run', entity, project, id, tab: known } : nowhere;
}

const part = encodeURIComponent;

/** The path of a project's runs. */
export function projectPath(entity: string, project: string): string {
  return `/${part(entity)}/${part(project)}`;
}

/** The path of a run's tab. */
export function runPath(run: { entity: string; project: string; id: string }, tab: Tab = 'charts'): string {
  const path = `${projectPath(run.entity, run.project)}/runs/${part(run.id)}`;
  return tab === 'charts' ? path : `${path}/${tab}`;
}
