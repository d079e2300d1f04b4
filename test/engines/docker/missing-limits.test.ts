import { expect, it } from 'vitest';
import { missingLimits } from '../../../src/worker/engines/docker/containers/missing-limits.ts';

// The answer of a rootless Docker 20.10 without control groups.
const NONE = { MemoryLimit: false, CpuCfsQuota: false, PidsLimit: false };

it.each([
  [{ memory: 1, cpus: 1, pids: 1 }, NONE, 'the Docker engine cannot limit memory, CPU, processes'],
  [{ pids: 1 }, NONE, 'the Docker engine cannot limit processes'],
  [{}, NONE, undefined],
  [{ memory: 1, cpus: 1, pids: 1 }, { MemoryLimit: true, CpuCfsQuota: true, PidsLimit: true }, undefined],
  // Podman does not report this.
  [{ memory: 1 }, {}, undefined],
])('limits %o, on an engine that reports %o: %s', (limits, support, missing) => {
  expect(missingLimits(limits, support)).toBe(missing);
});
