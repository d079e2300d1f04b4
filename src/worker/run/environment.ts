import { userInfo } from 'node:os';
import type { Claim } from '../../queue/index.ts';
import type { WorkerConfig } from '../config/index.ts';
import type { Payload } from '../features/index.ts';

/**
 * The whole environment of a task's commands. Nothing of the worker's own is in it: a few fixed variables, then the
 * payload's, then those that a payload can not change.
 */
export function taskEnvironment(
  claim: Claim,
  payload: Payload,
  folder: string,
  config: WorkerConfig,
): Record<string, string> {
  return {
    PATH: config.taskPath,
    HOME: folder,
    USER: userName(),
    LANG: 'C.UTF-8',
    ...payload.env,
    TASK_ID: claim.taskId,
    RUN_ID: String(claim.runId),
    TASK_WORKDIR: folder,
    TASK_GROUP_ID: claim.task.taskGroupId,
    TASKCLUSTER_ROOT_URL: config.rootURL,
    ...(config.workerLocation && { TASKCLUSTER_WORKER_LOCATION: config.workerLocation }),
    ...(config.instanceType && { TASKCLUSTER_INSTANCE_TYPE: config.instanceType }),
  };
}

/** In a container the worker may run under a number that the system has no name for. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.());
  }
}
