import { expect, test } from 'vitest';
import { measurementTitle } from './measurements';

test.each([
  ['cpu', 'Process CPU, all cores, %'],
  ['cpu.11.cpu_percent', 'CPU core 11, %'],
  ['proc.cpu.threads', 'Process threads'],
  ['proc.memory.rssMB', 'Process memory, MiB'],
  ['proc.memory.percent', 'Process memory, %'],
  ['proc.memory.availableMB', 'Memory free, MiB'],
  ['memory_percent', 'Memory used, %'],
  ['disk./.usagePercent', 'Disk / used, %'],
  ['disk./mnt/data.v2.usageGB', 'Disk /mnt/data.v2 used, GiB'],
  ['disk.in', 'Disk read, MiB'],
  ['disk.out', 'Disk written, MiB'],
  ['network.sent', 'Network sent, bytes'],
  ['network.recv', 'Network received, bytes'],
  ['gpu.0.gpu', 'GPU 0 utilisation, %'],
  ['gpu.12.memoryAllocatedBytes', 'GPU 12 memory used, bytes'],
  ['gpu.0.temp', 'GPU 0 temperature, °C'],
  ['gpu.process.3.powerWatts', 'Run’s GPU 3 power, W'],
])('%s is %s', (name, title) => {
  expect(measurementTitle(name)).toBe(title);
});

test.each([
  'fan.rpm',
  'gpu.0.someday',
  'gpu.0.toString',
  'gpu.x.temp',
  'mycpu',
  'cpu.0',
  'disk.',
  'network.sent.total',
])('%s is unknown and stays as it is', (name) => {
  expect(measurementTitle(name)).toBe(name);
});
