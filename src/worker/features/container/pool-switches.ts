import type { ContainerSpec, TaskSpec } from '../../task-spec.ts';

type Named = readonly [place: string, isWanted: (task: TaskSpec, container: ContainerSpec) => boolean];

const feature = (name: string): Named => [`features.${name}`, ({ switches }) => switches.has(name)];
const device = (name: string): Named => [
  `capabilities.devices.${name}`,
  (_, { devices }) => devices.includes(name),
];
const capability = (name: string): Named => [
  `capabilities.${name}`,
  (_, { capabilities }) => capabilities.has(name),
];

/** What a pool may forbid, by the key of its `d2gConfig`. generic-worker silently ignores most of these requests. */
const SWITCHES: Readonly<Record<string, Named>> = {
  allowPrivileged: capability('privileged'),
  allowDisableSeccomp: capability('disableSeccomp'),
  allowHostSharedMemory: device('hostSharedMemory'),
  allowKVM: device('kvm'),
  allowLoopbackAudio: device('loopbackAudio'),
  allowLoopbackVideo: device('loopbackVideo'),
  allowPtrace: feature('allowPtrace'),
  allowChainOfTrust: feature('chainOfTrust'),
  allowInteractive: feature('interactive'),
  allowTaskclusterProxy: feature('taskclusterProxy'),
};

/** Returns a task's requests that its pool forbids, one line each. */
export function forbidden(
  task: TaskSpec,
  d2gConfig: Readonly<Record<string, unknown>>,
  pool: string,
): string[] {
  const { container } = task;
  if (!container) return [];
  return Object.entries(SWITCHES).flatMap(([key, [place, isWanted]]) =>
    d2gConfig[key] === false && isWanted(task, container)
      ? [`this task is attempting to use ${place}, which is not allowed on this worker pool (${pool})`]
      : [],
  );
}
