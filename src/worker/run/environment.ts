import { userInfo } from 'node:os';
import type { Claim } from '../../taskcluster/index.ts';
import type { TaskUser } from '../engines/engine.ts';
import type { GeneralConfig } from '../properties/index.ts';
import type { TaskSpec } from '../task-spec.ts';

/**
 * Returns the complete environment of a task's commands. It contains nothing of the worker's own environment:
 * some fixed variables, then the payload's, then those of features and others that a payload cannot change. In
 * a container, the image defines PATH and HOME.
 */
export function taskEnvironment(
  claim: Claim,
  task: Pick<TaskSpec, 'container' | 'env'>,
  ofFeatures: Readonly<Record<string, string>>,
  { folder, user }: { readonly folder: string; readonly user?: Pick<TaskUser, 'name'> | undefined },
  config: Pick<GeneralConfig, 'taskPath' | 'rootURL' | 'workerLocation' | 'instanceType'>,
): Record<string, string> {
  return {
    ...(!task.container && {
      PATH: config.taskPath,
      HOME: folder,
      USER: user?.name ?? userName(),
      ...(user && { LOGNAME: user.name }),
      LANG: 'C.UTF-8',
    }),
    ...task.env,
    ...ofFeatures,
    TASK_ID: claim.taskId,
    RUN_ID: String(claim.runId),
    ...(!task.container && { TASK_WORKDIR: folder }),
    TASK_GROUP_ID: claim.task.taskGroupId,
    TASKCLUSTER_ROOT_URL: config.rootURL,
    ...(config.workerLocation && { TASKCLUSTER_WORKER_LOCATION: config.workerLocation }),
    ...(config.instanceType && { TASKCLUSTER_INSTANCE_TYPE: config.instanceType }),
  };
}

/** In a container, the worker may run under a user id without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.geteuid?.());
  }
}
