import { expect, test } from 'vitest';
import { axisChoices, nextAxis, resolveAxis } from './axes';
import { areaOf, matcher, prefixOf, sectionsOf } from './sections';

test('sections follow the part before the first slash', () => {
  const names = ['val/b', 'loss', 'train/x10', 'train/x2', 'val/a/c', '/odd'];
  expect(sectionsOf(names, (name) => name)).toEqual([
    { title: '', items: ['/odd', 'loss'] },
    { title: 'train', items: ['train/x2', 'train/x10'] },
    { title: 'val', items: ['val/a/c', 'val/b'] },
  ]);
  expect(prefixOf('a/b/c')).toBe('a');
});

test('a search is a regular expression where it can be one', () => {
  expect(matcher('')('x')).toBe(true);
  expect(matcher('^val/.*acc$')('val/top1/ACC')).toBe(true);
  expect(matcher('^val')('train/val')).toBe(false);
  expect(matcher('loss(')('my loss(x)')).toBe(true);
});

test('the axis of a chart is what its metric defines, unless chosen', () => {
  const defined = { definition: { x: 'epoch', hidden: false, summary: [], goal: '' } };
  expect(resolveAxis('auto', defined)).toEqual({ kind: 'metric', x: 'epoch', label: 'epoch' });
  expect(resolveAxis('auto', null).kind).toBe('_step');
  expect(resolveAxis('_runtime', defined).kind).toBe('_runtime');
});

test('the keyboard goes around the axes', () => {
  const names = ['epoch'];
  const values = axisChoices(names).map((choice) => choice.value);
  expect(values).toEqual(['auto', '_step', '_runtime', '_timestamp', 'epoch']);
  expect(nextAxis('epoch', names, 1)).toBe('auto');
  expect(nextAxis('auto', names, -1)).toBe('epoch');
});

test('system metrics belong to an area', () => {
  expect(
    ['proc.cpu', 'gpu.0.memory', 'memory_percent', 'disk./mnt/gpu.usage', 'network.sent', 'x'].map(areaOf),
  ).toEqual(['CPU', 'GPU', 'Memory', 'Disk', 'Network', 'Other']);
});
