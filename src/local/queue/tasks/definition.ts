import { isDeepStrictEqual } from 'node:util';

import type { CreateTaskRequest } from '../../../taskcluster/index.ts';
import { ApiError } from '../../errors.ts';
import type { Task } from './task.ts';
import { isoTime, parseTime } from '../../times.ts';

/** What the schema of `createTask` has a default for. */
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

/** A task as `createTask` is given it, once its schema has been checked and the defaults filled in. */
export type TaskRequest = CreateTaskRequest & Required<Pick<CreateTaskRequest, Defaulted>>;

const MINUTE = 60_000;
/** How far a caller's clock may be from ours. */
const DRIFT = 15 * MINUTE;
const LONGEST_DEADLINE = 5 * 24 * 60 * MINUTE;

/**
 * Makes a task, which has no runs yet, of a request.
 *
 * @throws ApiError `InputError` for a task queue that is missing or contradicts itself
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
 * Checks what a schema cannot say.
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

/** Whether two tasks were defined alike, whatever has happened to them since. */
export function sameDefinition(one: Task, other: Task): boolean {
  return isDeepStrictEqual(definition(one), definition(other));
}

function definition(task: Task): Partial<Task> {
  const { runs: _runs, retriesLeft: _retriesLeft, ...rest } = task;
  return rest;
}

/** A task names its queue by `taskQueueId`, or by the two halves of it, or by both. */
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

/** The two halves of a task queue's name, by which it went before. */
export function splitTaskQueueId(taskQueueId: string): { provisionerId: string; workerType: string } {
  const [provisionerId = '', workerType = ''] = taskQueueId.split('/');
  return { provisionerId, workerType };
}

function oneYearAfter(time: string): number {
  const date = new Date(time);
  return date.setFullYear(date.getFullYear() + 1);
}
