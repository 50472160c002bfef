// What the measurements of a machine are called for a reader: in words, with their unit.

/** The names that the recorder gives (docs/design/recorder.md); what is in parentheses goes into the words as $1. */
const NAMES: readonly (readonly [RegExp, string])[] = [
  [/^cpu$/, 'Process CPU, all cores, %'],
  [/^cpu\.(\d+)\.cpu_percent$/, 'CPU core $1, %'],
  [/^proc\.cpu\.threads$/, 'Process threads'],
  [/^proc\.memory\.rssMB$/, 'Process memory, MiB'],
  [/^proc\.memory\.percent$/, 'Process memory, %'],
  [/^proc\.memory\.availableMB$/, 'Memory free, MiB'],
  [/^memory_percent$/, 'Memory used, %'],
  [/^disk\.(.+)\.usagePercent$/, 'Disk $1 used, %'],
  [/^disk\.(.+)\.usageGB$/, 'Disk $1 used, GiB'],
  [/^disk\.in$/, 'Disk read, MiB'],
  [/^disk\.out$/, 'Disk written, MiB'],
  [/^network\.sent$/, 'Network sent, bytes'],
  [/^network\.recv$/, 'Network received, bytes'],
];

const GPU = /^gpu\.(process\.)?(\d+)\.(\w+)$/;
const OF_GPU: Readonly<Record<string, string>> = {
  gpu: 'utilisation, %',
  memory: 'memory access, % of the time',
  memoryAllocated: 'memory used, %',
  memoryAllocatedBytes: 'memory used, bytes',
  encoderUtilization: 'encoder, %',
  temp: 'temperature, °C',
  powerWatts: 'power, W',
  enforcedPowerLimitWatts: 'power limit, W',
  powerPercent: 'power, % of the limit',
  smClock: 'SM clock, MHz',
  memoryClock: 'memory clock, MHz',
  graphicsClock: 'graphics clock, MHz',
  correctedMemoryErrors: 'corrected memory errors',
  uncorrectedMemoryErrors: 'uncorrected memory errors',
};

/** A measurement in words with its unit: "GPU 0 power, W". A name that nobody here knows stays as it is. */
export function measurementTitle(name: string): string {
  const gpu = GPU.exec(name);
  if (gpu) {
    const [, process, index, what] = gpu as unknown as [string, string | undefined, string, string];
    const words = Object.hasOwn(OF_GPU, what) ? OF_GPU[what] : undefined;
    return words === undefined ? name : `${process ? 'Run’s GPU' : 'GPU'} ${index} ${words}`;
  }
  const known = NAMES.find(([pattern]) => pattern.test(name));
  return known ? name.replace(...known) : name;
}
