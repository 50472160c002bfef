import { expect, test } from 'vitest';
import { parsePath, projectPath, runPath } from './routes';

test('paths name screens', () => {
  expect(parsePath('/')).toEqual({ screen: 'projects' });
  expect(parsePath('/acme/digits')).toEqual({ screen: 'runs', entity: 'acme', project: 'digits' });
  expect(parsePath('/acme/digits/runs')).toEqual({ screen: 'runs', entity: 'acme', project: 'digits' });
  expect(parsePath('/acme/digits/runs/x1')).toMatchObject({ screen: 'run', id: 'x1', tab: 'charts' });
  expect(parsePath('/acme/digits/runs/x1/logs/')).toMatchObject({ screen: 'run', tab: 'logs' });
});

test('other paths lead nowhere', () => {
  for (const path of ['/acme', '/acme/digits/x', '/acme/digits/runs/x1/nope', '/a/b/runs/c/logs/d', '/%E0%A4%A']) {
    expect(parsePath(path).screen).toBe('nowhere');
  }
});

test('what is built is parsed again, whatever the names hold', () => {
  for (const name of ['a b', 'ä/ö', '100%', '?#&', '..x', '測試']) {
    const run = { entity: name, project: name, id: name };
    expect(parsePath(runPath(run, 'system'))).toEqual({ screen: 'run', ...run, tab: 'system' });
    expect(parsePath(projectPath(name, name))).toEqual({ screen: 'runs', entity: name, project: name });
  }
});
