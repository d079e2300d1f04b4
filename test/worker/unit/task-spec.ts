import type { TaskSpec } from '../../../src/worker/task-spec.ts';

/** The specification of a task that runs `true`, with a change. */
export function taskSpec(change: Partial<TaskSpec> = {}): TaskSpec {
  return {
    format: 'generic-worker',
    payload: {},
    commands: [{ argv: ['true'] }],
    env: {},
    encryptedEnv: [],
    mounts: [],
    artifacts: [],
    logs: { backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' },
    maxRunTimeSecs: 60,
    exitCodes: { retry: [], purgeCaches: [] },
    switches: new Set(['backingLog', 'liveLog', 'resourceMonitor']),
    osGroups: [],
    ...change,
  };
}
