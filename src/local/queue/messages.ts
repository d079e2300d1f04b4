import { queueExchanges } from '../../exchanges/index.ts';
import type { TaskPriority } from '../../taskcluster/index.ts';
import type { Message } from '../message.ts';
import { describeArtifact, type Artifact } from './tasks/artifact.ts';
import { describeGroup, type TaskGroup } from './tasks/task-group.ts';
import { statusOf, type Run, type Task } from './tasks/task.ts';
import { postgresTime } from '../times.ts';

export function taskDefined(task: Task): Message {
  const { exchange, build } = queueExchanges.taskDefined;
  const body = { status: statusOf({ ...task, runs: [] }), task: pulseDefinition(task), version: 1 };
  return { exchange, routingKey: build(partsOf(task)), routes: routesOf(task), body };
}

export function taskPending(task: Task): Message {
  const { exchange, build } = queueExchanges.taskPending;
  const runId = task.runs.length - 1;
  const body = { status: statusOf(task), task: pulseDefinition(task), runId, version: 1 };
  return { exchange, routingKey: build({ ...partsOf(task), runId }), routes: routesOf(task), body };
}

export function taskRunning(task: Task): Message {
  const { exchange, build } = queueExchanges.taskRunning;
  const runId = task.runs.length - 1;
  const worker = claimantOf(task.runs[runId]);
  const takenUntil = postgresTime(task.runs[runId]?.takenUntil ?? 0);
  const body = {
    status: statusOf(task),
    runId,
    ...worker,
    takenUntil,
    task: pulseDefinition(task),
    version: 1,
  };
  return {
    exchange,
    routingKey: build({ ...partsOf(task), runId, ...worker }),
    routes: routesOf(task),
    body,
  };
}

/** `task-completed` or `task-failed`. */
export function taskEnded(task: Task, runId: number, state: 'completed' | 'failed'): Message {
  const { exchange, build } =
    state === 'completed' ? queueExchanges.taskCompleted : queueExchanges.taskFailed;
  const worker = claimantOf(task.runs[runId]);
  const body = { status: statusOf(task), runId, task: pulseDefinition(task), ...worker, version: 1 };
  return {
    exchange,
    routingKey: build({ ...partsOf(task), runId, ...worker }),
    routes: routesOf(task),
    body,
  };
}

/** `task-exception`, for the worker that had the run, if there was one. */
export function taskException(task: Task, runId: number): Message {
  return exceptionMessage(task, runId, workerOf(task.runs[runId]));
}

/** The `task-exception` of a deadline never names the worker, even if one has the run. */
export function taskDeadlineExceeded(task: Task): Message {
  return exceptionMessage(task, task.runs.length - 1, undefined);
}

/** The `task-exception` of a cancelled group has neither the priority nor the tags of its task. */
export function taskCancelledWithGroup(task: Task): Message {
  const message = taskException(task, task.runs.length - 1);
  const { priority: _priority, ...status } = statusOf(task);
  return { ...message, body: { ...message.body, status, task: { tags: {} } } };
}

function exceptionMessage(task: Task, runId: number, worker: Worker | undefined): Message {
  const { exchange, build } = queueExchanges.taskException;
  const body = { status: statusOf(task), runId, task: pulseDefinition(task), ...worker, version: 1 };
  return {
    exchange,
    routingKey: build({ ...partsOf(task), runId, ...worker }),
    routes: routesOf(task),
    body,
  };
}

export function artifactCreated(task: Task, runId: number, created: Artifact): Message {
  const { exchange, build } = queueExchanges.artifactCreated;
  const worker = claimantOf(task.runs[runId]);
  const artifact = describeArtifact(created);
  const body = { status: statusOf(task), artifact, ...worker, runId, version: 1 };
  return {
    exchange,
    routingKey: build({ ...partsOf(task), runId, ...worker }),
    routes: routesOf(task),
    body,
  };
}

/** Announces a new priority. It belongs to the task, not to a run. */
export function taskPriorityChanged(task: Task, oldPriority: TaskPriority): Message {
  const { exchange, build } = queueExchanges.taskPriorityChanged;
  const body = { status: statusOf(task), oldPriority, newPriority: task.priority, version: 1 };
  return { exchange, routingKey: build(partsOf(task)), routes: routesOf(task), body };
}

export function taskGroupPriorityChanged(
  { taskGroupId, schedulerId }: TaskGroup,
  newPriority: TaskPriority,
  tasksAffected: number,
): Message {
  const { exchange, build } = queueExchanges.taskGroupPriorityChanged;
  const body = { taskGroupId, schedulerId, newPriority, tasksAffected, version: 1 };
  return { exchange, routingKey: build({ taskGroupId, schedulerId }), routes: [], body };
}

export function taskGroupResolved(group: TaskGroup): Message {
  return groupMessage(queueExchanges.taskGroupResolved, group);
}

export function taskGroupSealed(group: TaskGroup): Message {
  return groupMessage(queueExchanges.taskGroupSealed, group);
}

function groupMessage(
  { exchange, build }: typeof queueExchanges.taskGroupResolved | typeof queueExchanges.taskGroupSealed,
  group: TaskGroup,
): Message {
  const { taskGroupId, schedulerId } = group;
  const body = { ...describeGroup(group), version: 1 };
  return { exchange, routingKey: build({ taskGroupId, schedulerId }), routes: [], body };
}

function partsOf({ taskId, provisionerId, workerType, schedulerId, taskGroupId }: Task) {
  return { taskId, provisionerId, workerType, schedulerId, taskGroupId };
}

interface Worker {
  readonly workerGroup: string;
  readonly workerId: string;
}

/** Returns the worker that has or had a run. A run that was never claimed has none. */
function workerOf(run: Run | undefined): Worker | undefined {
  const { workerGroup, workerId } = run ?? {};
  return workerGroup === undefined || workerId === undefined ? undefined : { workerGroup, workerId };
}

function claimantOf(run: Run | undefined): Worker {
  const worker = workerOf(run);
  if (!worker) throw new Error('the run was never claimed');
  return worker;
}

function routesOf(task: Task): string[] {
  return task.routes.map(route => `route.${route}`);
}

/** The part of the definition that messages contain. */
function pulseDefinition(task: Task) {
  return { tags: task.tags };
}
