import type { DockerLimits } from './container-body.ts';

/** The limits that an engine supports, according to its `/info`. */
export interface LimitSupport {
  readonly MemoryLimit?: boolean;
  readonly CpuCfsQuota?: boolean;
  readonly PidsLimit?: boolean;
}

/**
 * The configured limits that an engine cannot set, as a rootless one without control groups. It would ignore them silently.
 *
 * @returns a reason in one line; undefined if the engine can set all of them
 */
export function missingLimits(
  { memory, cpus, pids }: DockerLimits,
  { MemoryLimit, CpuCfsQuota, PidsLimit }: LimitSupport,
): string | undefined {
  const missing = [
    ...(memory !== undefined && MemoryLimit === false ? ['memory'] : []),
    ...(cpus !== undefined && CpuCfsQuota === false ? ['CPU'] : []),
    ...(pids !== undefined && PidsLimit === false ? ['processes'] : []),
  ];
  return missing.length === 0 ? undefined : `the Docker engine cannot limit ${missing.join(', ')}`;
}
