/**
 * The docstrings of generated message types, in our own words. `npm run generate` writes them. The schemas of
 * Taskcluster have their own prose, which is not copied. A type or field that is missing here gets no docstring, and
 * test/exchanges fails.
 */

/** When a message is published on each exchange, by service and name. */
const EXCHANGES: Readonly<Record<string, string>> = {
  'auth.clientCreated': 'Published when a client is created.',
  'auth.clientDeleted': 'Published when a client is deleted.',
  'auth.clientUpdated':
    'Published when a client is changed, disabled or enabled, or gets a new access token.',
  'auth.roleCreated': 'Published when a role is created.',
  'auth.roleDeleted': 'Published when a role is deleted.',
  'auth.roleUpdated': 'Published when the scopes or the description of a role change.',
  'github.pullRequest': 'Published when GitHub reports an event of a pull request.',
  'github.push': 'Published when GitHub reports a push.',
  'github.release': 'Published when GitHub reports a release.',
  'github.rerun': 'Published when somebody asks GitHub to run a check again.',
  'github.taskGroupCreationRequested':
    'Published when the github service has asked the queue to create all tasks of a group.',
  'hooks.hookCreated': 'Published when a hook is created.',
  'hooks.hookDeleted': 'Published when a hook is deleted.',
  'hooks.hookUpdated': 'Published when the definition of a hook changes.',
  'notify.notify': 'Published when the notify service is asked to send a Pulse message.',
  'queue.artifactCreated': 'Published when an artifact of a run has been created.',
  'queue.taskCompleted': 'Published when a worker reports that a run has succeeded.',
  'queue.taskDefined': 'Published when a task is created, whether or not it can run yet.',
  'queue.taskException':
    'Published when a run is resolved without a result of its commands, or a task without a run: cancelled, past its deadline, ' +
    'its claim expired, or the worker reported an exception.',
  'queue.taskFailed': 'Published when a worker reports that a run has failed.',
  'queue.taskGroupPriorityChanged': 'Published when the priority of all tasks of a group is changed.',
  'queue.taskGroupResolved':
    'Published when no task of a group is left unresolved. Tasks may be added later, and then it is published again.',
  'queue.taskGroupSealed': 'Published when a group is sealed: it takes no more tasks.',
  'queue.taskPending':
    'Published when a run can be claimed: the dependencies of its task are met, or the task is run again.',
  'queue.taskPriorityChanged': 'Published when the priority of a task is changed.',
  'queue.taskRunning': 'Published when a worker has claimed a run.',
  'worker-manager.launchConfigArchived': 'Published when a launch configuration is no longer used.',
  'worker-manager.launchConfigCreated': 'Published when a worker pool gets a new launch configuration.',
  'worker-manager.launchConfigUpdated': 'Published when a launch configuration changes.',
  'worker-manager.workerPoolCreated': 'Published when a worker pool is created.',
  'worker-manager.workerPoolError': 'Published when an error of a worker pool is recorded.',
  'worker-manager.workerPoolUpdated': 'Published when the definition of a worker pool changes.',
  'worker-manager.workerRemoved': 'Published when worker-manager removes a worker.',
  'worker-manager.workerRequested': 'Published when worker-manager asks a provider for a new worker.',
  'worker-manager.workerRunning': 'Published when a worker has registered.',
  'worker-manager.workerStopped': 'Published when a worker no longer exists.',
};

/** Types that are parts of messages. */
const TYPES: Readonly<Record<string, string>> = {
  RunInformation: 'One run of a task: an attempt to execute it.',
  TaskPriority: 'The priority of a task: pending tasks with a higher one are claimed first.',
  TaskPulseDefinition: 'The part of the definition of a task that its messages carry.',
  TaskStatusStructure: 'The state of a task and of all its runs at the time of the message.',
};

/**
 * Fields by name, or by `Type.name` where a type uses the name with another meaning. Times are ISO 8601 texts in UTC.
 */
const FIELDS: Readonly<Record<string, string>> = {
  action: 'What happened to the pull request: `opened`, `synchronize`, `closed`, …',
  artifact: 'The artifact that was created.',
  body: "The body of GitHub's webhook, unchanged.",
  branch: 'The branch that the event is about.',
  capacity: 'How many tasks the worker can run at a time.',
  checkRunId: "GitHub's id of the check run.",
  checkSuiteId: "GitHub's id of the check suite.",
  clientId: 'The id of the client.',
  contentType: 'The media type of the artifact.',
  deadline: 'When the task is resolved as `deadline-exceeded` if it is still unresolved.',
  details: 'What the github service read from the event: the variables of a `.taskcluster.yml` of version 0.',
  errorId: 'The id of the error.',
  eventId: "GitHub's id of the event: the header `X-GitHub-Delivery`.",
  expires: 'When the queue deletes the task, with its runs and artifacts.',
  hookGroupId: 'The group that the hook belongs to.',
  hookId: 'The id of the hook within its group.',
  installationId: 'The id of the installation of the GitHub app.',
  kind: 'The kind of the error, for machines: `creation-error`, …',
  launchConfigId: 'The launch configuration that workers are created from.',
  message: 'The message, in any shape that its sender chose.',
  name: 'The name of the artifact: `public/build/target.zip`.',
  newPriority: 'The priority from now on.',
  oldPriority: 'The priority until now.',
  organization: 'The user or organization that owns the repository. In routing keys a `.` of it becomes `%`.',
  previousProviderId: 'The provider of the pool before the change.',
  priority: 'The priority of the task.',
  projectId: 'The project of the task; `none` if it has none.',
  providerId: 'The provider that manages the workers of the pool: a cloud, or `static`.',
  provisionerId: 'The first part of `taskQueueId`.',
  reason: 'Why the worker was removed, for people.',
  reasonCreated: 'Why the run exists: the task was scheduled, or it is another attempt.',
  reasonResolved: 'How the run ended. Missing until it has.',
  repository: 'The name of the repository, without its owner. In routing keys a `.` of it becomes `%`.',
  resolved: 'When the run ended. Missing until it has.',
  retriesLeft:
    'How often the queue may still run the task again after a claim expired or a worker shut down.',
  roleId: 'The id of the role.',
  runId: 'The number of the run, from 0.',
  runs: 'The runs of the task, by `runId`. Empty until it is scheduled.',
  scheduled: 'When the run became pending.',
  schedulerId: 'The scheduler that the group of the task belongs to.',
  sealed: 'When the group was sealed. Missing if it is not.',
  started: 'When a worker claimed the run. Missing until one has.',
  state: 'The state of the task.',
  status: 'The state of the task and of all its runs.',
  storageType:
    'Where the content is: at a URL, in the object service, in another artifact, or nowhere (`error`).',
  tags: 'The tags of the task.',
  takenUntil: 'When the claim expires, unless the worker reclaims the run before.',
  task: 'The part of the definition of the task that is not in `status`.',
  taskGroupId: 'The group that the task belongs to.',
  taskId: 'The id of the task.',
  taskQueueId: 'Where the task waits for a worker: `<provisionerId>/<workerType>`.',
  tasksAffected: 'How many tasks got another priority.',
  tasks_for: 'The kind of the event: `github-push`, `github-pull-request`, `github-release`, …',
  timestamp: 'When it happened.',
  title: 'The error in a few words, for people.',
  version: 'The version of the format of this message.',
  workerGroup: 'The group of the worker: often a region or a data centre.',
  workerId: 'The id of the worker within its group.',
  workerPoolId: 'The id of the pool: `<provisionerId>/<workerType>`.',
  workerType: 'The second part of `taskQueueId`.',

  'ArtifactCreatedMessage.expires': 'When the queue deletes the artifact.',
  'RunInformation.state': 'The state of the run.',
  'RunInformation.takenUntil': 'When the claim of the run expires. Missing while it is pending.',
  'RunInformation.workerGroup': 'The group of the worker that claimed the run. Missing until one has.',
  'RunInformation.workerId': 'The id of the worker that claimed the run. Missing until one has.',
  'TaskExceptionMessage.runId': 'The number of the run, from 0. Missing if the task had no run.',
  'TaskExceptionMessage.workerGroup': 'The group of the worker. Missing if no worker had claimed the run.',
  'TaskExceptionMessage.workerId': 'The id of the worker. Missing if no worker had claimed the run.',
  'TaskGroupChangedMessage.expires': 'When the queue deletes the group.',
  'TaskGroupChangedMessage.schedulerId': 'The scheduler that the group belongs to.',
  'TaskGroupChangedMessage.taskGroupId': 'The id of the group.',
  'TaskGroupPriorityChangedMessage.schedulerId': 'The scheduler that the group belongs to.',
  'TaskGroupPriorityChangedMessage.taskGroupId': 'The id of the group.',
  'TaskGroupCreationRequestedMessage.taskGroupId': 'The id of the group.',
  'WorkerPoolErrorMessage.workerGroup':
    'The group of the worker. Missing if the error is not about one worker.',
  'WorkerPoolErrorMessage.workerId': 'The id of the worker. Missing if the error is not about one worker.',
};

/** Returns when messages are published on an exchange. */
export function exchangeDescription(service: string, name: string): string | undefined {
  return EXCHANGES[`${service}.${name}`];
}

/** Returns the description of a type; undefined for the types of whole messages. */
export function typeDescription(type: string): string | undefined {
  return TYPES[type];
}

/** Returns the description of a field of a type, at any depth. */
export function fieldDescription(type: string, field: string): string | undefined {
  return FIELDS[`${type}.${field}`] ?? FIELDS[field];
}
