import type { RunInformation, TaskDefinition, TaskPriority } from '../../../taskcluster/index.ts';
import { isoTime } from '../../times.ts';

/** From the highest to the lowest. */
export const PRIORITIES: readonly TaskPriority[] = [
  'highest',
  'very-high',
  'high',
  'medium',
  'low',
  'very-low',
  'lowest',
];

export type RunState = RunInformation['state'];
export type ReasonCreated = RunInformation['reasonCreated'];
export type ReasonResolved = NonNullable<RunInformation['reasonResolved']>;

/** One attempt at a task. Times are milliseconds since the epoch. */
export interface Run {
  readonly state: RunState;
  readonly reasonCreated: ReasonCreated;
  readonly reasonResolved?: ReasonResolved;
  readonly workerGroup?: string;
  readonly workerId?: string;
  readonly takenUntil?: number;
  readonly scheduled: number;
  readonly started?: number;
  readonly resolved?: number;
}

/** The queue's record of a task. Times are milliseconds since the epoch. */
export interface Task {
  readonly taskId: string;
  readonly provisionerId: string;
  readonly workerType: string;
  readonly taskQueueId: string;
  readonly schedulerId: string;
  readonly projectId: string;
  readonly taskGroupId: string;
  readonly dependencies: readonly string[];
  readonly requires: TaskDefinition['requires'];
  readonly routes: readonly string[];
  readonly priority: TaskPriority;
  readonly retries: number;
  readonly created: number;
  readonly deadline: number;
  readonly expires: number;
  readonly scopes: readonly string[];
  readonly payload: TaskDefinition['payload'];
  readonly metadata: TaskDefinition['metadata'];
  readonly tags: TaskDefinition['tags'];
  readonly extra: TaskDefinition['extra'];
  readonly retriesLeft: number;
  readonly runs: readonly Run[];
}

/** Returns the state of the last run. A task without runs is unscheduled. */
export function stateOf(task: Task): RunState | 'unscheduled' {
  return task.runs.at(-1)?.state ?? 'unscheduled';
}

/** Returns the task's status structure for answers and messages. */
export function statusOf(task: Task) {
  return {
    taskId: task.taskId,
    provisionerId: task.provisionerId,
    workerType: task.workerType,
    taskQueueId: task.taskQueueId,
    schedulerId: task.schedulerId,
    projectId: task.projectId,
    taskGroupId: task.taskGroupId,
    priority: task.priority,
    deadline: isoTime(task.deadline),
    expires: isoTime(task.expires),
    retriesLeft: task.retriesLeft,
    state: stateOf(task),
    runs: task.runs.map((run, runId) => ({
      runId,
      state: run.state,
      reasonCreated: run.reasonCreated,
      ...(run.reasonResolved !== undefined && { reasonResolved: run.reasonResolved }),
      ...(run.workerGroup !== undefined && { workerGroup: run.workerGroup }),
      ...(run.workerId !== undefined && { workerId: run.workerId }),
      ...(run.takenUntil !== undefined && { takenUntil: isoTime(run.takenUntil) }),
      scheduled: isoTime(run.scheduled),
      ...(run.started !== undefined && { started: isoTime(run.started) }),
      ...(run.resolved !== undefined && { resolved: isoTime(run.resolved) }),
    })),
  };
}

export type Status = ReturnType<typeof statusOf>;

/** Returns the task's definition with defaults, as in the answers of `task` and `claimWork`. */
export function definitionOf(task: Task) {
  return {
    provisionerId: task.provisionerId,
    workerType: task.workerType,
    taskQueueId: task.taskQueueId,
    schedulerId: task.schedulerId,
    projectId: task.projectId,
    taskGroupId: task.taskGroupId,
    dependencies: task.dependencies,
    requires: task.requires,
    routes: task.routes,
    priority: task.priority,
    retries: task.retries,
    created: isoTime(task.created),
    deadline: isoTime(task.deadline),
    expires: isoTime(task.expires),
    scopes: task.scopes,
    payload: task.payload,
    metadata: task.metadata,
    tags: task.tags,
    extra: task.extra,
  };
}

export type Definition = ReturnType<typeof definitionOf>;
