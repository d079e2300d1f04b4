import { isDeepStrictEqual } from 'node:util';

import type { CreateTaskRequest } from '../../../taskcluster/index.ts';
import { ApiError } from '../../errors.ts';
import type { Task } from './task.ts';
import { isoTime, parseTime } from '../../times.ts';

/** Properties with a default in the schema of `createTask`. */
type Defaulted =
  | 'schedulerId'
  | 'projectId'
  | 'dependencies'
  | 'requires'
  | 'routes'
  | 'priority'
  | 'retries'
  | 'scopes'
  | 'tags'
  | 'extra';

/** A validated `createTask` request, with defaults. */
export type TaskRequest = CreateTaskRequest & Required<Pick<CreateTaskRequest, Defaulted>>;

const MINUTE = 60_000;
/** The largest accepted difference between a caller's clock and this one. */
const DRIFT = 15 * MINUTE;
const LONGEST_DEADLINE = 5 * 24 * 60 * MINUTE;

/**
 * Creates a task without runs from a request.
 *
 * @throws ApiError `InputError` for a task queue that is missing or contradictory
 */
export function defineTask(taskId: string, request: TaskRequest): Task {
  return {
    taskId,
    ...taskQueueOf(request),
    schedulerId: request.schedulerId,
    projectId: request.projectId,
    taskGroupId: request.taskGroupId ?? taskId,
    dependencies: request.dependencies,
    requires: request.requires,
    routes: request.routes,
    priority: request.priority,
    retries: request.retries,
    created: parseTime(request.created),
    deadline: parseTime(request.deadline),
    expires: request.expires === undefined ? oneYearAfter(request.deadline) : parseTime(request.expires),
    scopes: request.scopes,
    payload: request.payload,
    metadata: request.metadata,
    tags: request.tags,
    extra: request.extra,
    retriesLeft: request.retries,
    runs: [],
  };
}

/**
 * Checks what a schema cannot express.
 *
 * @throws ApiError `InputError`
 */
export function checkTask(task: Task, now: number): void {
  const refuse = (why: string): never => {
    throw new ApiError('InputError', why);
  };
  const { created, deadline, expires } = task;
  if (Math.abs(created - now) > DRIFT) {
    refuse(`\`created\` (${isoTime(created)}) is more than 15 minutes away from now (${isoTime(now)})`);
  }
  if (deadline < created) {
    refuse(`\`deadline\` (${isoTime(deadline)}) is before \`created\` (${isoTime(created)})`);
  }
  if (deadline < now) refuse(`\`deadline\` (${isoTime(deadline)}) is in the past`);
  if (deadline - now > LONGEST_DEADLINE + DRIFT) {
    refuse(`\`deadline\` (${isoTime(deadline)}) is more than 5 days in the future`);
  }
  if (expires < deadline) {
    refuse(`\`expires\` (${isoTime(expires)}) is before \`deadline\` (${isoTime(deadline)})`);
  }
  if (task.scopes.some(scope => scope.endsWith('**'))) refuse('`scopes` must not end with `**`');
}

/** Whether two tasks have the same definition, whatever has happened to them since. */
export function sameDefinition(one: Task, other: Task): boolean {
  return isDeepStrictEqual(definition(one), definition(other));
}

function definition(task: Task): Partial<Task> {
  const { runs: _runs, retriesLeft: _retriesLeft, ...rest } = task;
  return rest;
}

/** A task names its queue by `taskQueueId`, by its two halves, or by both. */
function taskQueueOf(request: TaskRequest): Pick<Task, 'provisionerId' | 'workerType' | 'taskQueueId'> {
  const { taskQueueId, provisionerId, workerType } = request;
  const halves =
    provisionerId !== undefined && workerType !== undefined ? `${provisionerId}/${workerType}` : undefined;
  if (taskQueueId !== undefined && halves !== undefined && taskQueueId !== halves) {
    throw new ApiError('InputError', `\`taskQueueId\` is ${taskQueueId}, which is not ${halves}`);
  }
  const whole = halves ?? taskQueueId;
  if (whole === undefined) {
    throw new ApiError('InputError', 'a task needs a `taskQueueId`, or a `provisionerId` and a `workerType`');
  }
  return { taskQueueId: whole, ...splitTaskQueueId(whole) };
}

/** Splits the name of a task queue into its two former halves. */
export function splitTaskQueueId(taskQueueId: string): { provisionerId: string; workerType: string } {
  const [provisionerId = '', workerType = ''] = taskQueueId.split('/');
  return { provisionerId, workerType };
}

function oneYearAfter(time: string): number {
  const date = new Date(time);
  return date.setFullYear(date.getFullYear() + 1);
}
