import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { taskClient, type TaskClient } from './client.ts';
import { describeTask, type Status } from './task-status.ts';
import { asJson, messagePrinter, writeData, type Streams } from './streams.ts';

export interface CancelOptions {
  readonly rootUrl?: string;
  readonly json?: true;
}

export interface RerunOptions extends CancelOptions {
  readonly force?: true;
}

const { done, usage, wrongState } = TASK_EXIT_CODES;

/** `tcw task cancel`: cancels a task that is not yet resolved. @throws Failure */
export async function cancel(
  taskId: string,
  options: CancelOptions,
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const client = clientFor(taskId, options, environment, streams);
  const scope = 'queue:cancel-task:<schedulerId>/<taskGroupId>/<taskId>';
  const { status } = await client.ask({ taskId, scope }, 'cancelTask', taskId);
  // For a resolved task, the queue reports success too, but leaves the task unchanged.
  if (status.state !== 'exception' || status.runs.at(-1)?.reasonResolved !== 'canceled')
    throw new Failure(
      wrongState.code,
      `task ${taskId} cannot be cancelled: it is ${describeTask(status)} already`,
    );
  return show(status, options, streams);
}

/** `tcw task rerun`: makes a resolved task pending again. @throws Failure */
export async function rerun(
  taskId: string,
  options: RerunOptions,
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const client = clientFor(taskId, options, environment, streams);
  const { status: before } = await client.ask({ taskId }, 'status', taskId);
  const { state } = before;
  if (state === 'pending' || state === 'running' || state === 'unscheduled')
    throw new Failure(wrongState.code, `task ${taskId} cannot be rerun: it is ${state}, not resolved`);
  if (state === 'completed' && !options.force)
    throw new Failure(wrongState.code, `task ${taskId} has completed: to run it once more, use --force`);
  const scope = 'queue:rerun-task:<schedulerId>/<taskGroupId>/<taskId>';
  const { status } = await client.ask({ taskId, scope }, 'rerunTask', taskId);
  return show(status, options, streams);
}

function clientFor(
  taskId: string,
  { rootUrl }: CancelOptions,
  environment: Environment,
  { stderr }: Streams,
): TaskClient {
  assertTaskId(taskId, usage.code);
  return taskClient(deploymentOf(rootUrl, environment), messagePrinter(stderr));
}

async function show(status: Status, { json }: CancelOptions, { stdout }: Streams): Promise<number> {
  await writeData(stdout, json ? asJson(status) : `${describeTask(status)}\n`);
  return done.code;
}
