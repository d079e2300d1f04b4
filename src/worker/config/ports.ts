import type { WorkerConfig } from './config.ts';

/** Each slot has four ports, so the ranges of slot n begin at base + 4 × n. */
const PORTS_PER_SLOT = 4;
const LAST_PORT = 65_535;

type PortSettings = Pick<
  WorkerConfig,
  | 'capacity'
  | 'enableLiveLog'
  | 'enableInteractive'
  | 'enableTaskclusterProxy'
  | 'livelogPortBase'
  | 'interactivePort'
  | 'taskclusterProxyPort'
>;

interface PortRange {
  readonly property: string;
  readonly first: number;
  readonly last: number;
}

/**
 * Returns the problems with the slots' ports: ranges that overlap, or that exceed 65535.
 *
 * generic-worker refuses such a configuration with exit code 73, even with capacity 1
 * (`ValidatePortConfiguration` in its `gwconfig/config.go`). Only the ports of enabled features count.
 */
export function portProblems(settings: PortSettings): string[] {
  const ranges = portRanges(settings);
  const tooHigh = ranges
    .filter(({ last }) => last > LAST_PORT)
    .map(
      ({ property, first, last }) =>
        `${property} needs the ports ${first} to ${last} for capacity ${settings.capacity}, and ${LAST_PORT} is the last; use a lower port or a smaller capacity`,
    );
  const overlapping = pairs(ranges)
    .filter(([a, b]) => a.first <= b.last && b.first <= a.last)
    .map(
      ([a, b]) =>
        `${a.property} (ports ${a.first} to ${a.last}) and ${b.property} (${b.first} to ${b.last}) overlap for capacity ${settings.capacity}; move them apart`,
    );
  return [...tooHigh, ...overlapping];
}

function portRanges(settings: PortSettings): PortRange[] {
  const more = (settings.capacity - 1) * PORTS_PER_SLOT;
  const range = (
    property: 'livelogPortBase' | 'interactivePort' | 'taskclusterProxyPort',
    ports: number,
  ) => ({
    property,
    first: settings[property],
    last: settings[property] + more + ports - 1,
  });
  return [
    // One port to write the live log to, and the next one to read it from.
    ...(settings.enableLiveLog ? [range('livelogPortBase', 2)] : []),
    ...(settings.enableInteractive ? [range('interactivePort', 1)] : []),
    ...(settings.enableTaskclusterProxy ? [range('taskclusterProxyPort', 1)] : []),
  ];
}

function pairs<T>(items: readonly T[]): [T, T][] {
  return items.flatMap((a, i) => items.slice(i + 1).map((b): [T, T] => [a, b]));
}
