import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { taskClient, type TaskClient } from './client.ts';
import { taskWords, type Status } from './status-words.ts';
import { asJson, teller, writeData, type Streams } from './streams.ts';

export interface CancelWords {
  readonly rootUrl?: string;
  readonly json?: true;
}

export interface RerunWords extends CancelWords {
  readonly force?: true;
}

const { done, usage, wrongState } = TASK_EXIT_CODES;

/** `tcw task cancel`: cancels a task that is not yet resolved. @throws Failure */
export async function cancel(
  taskId: string,
  words: CancelWords,
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const client = clientFor(taskId, words, environment, streams);
  const scope = 'queue:cancel-task:<schedulerId>/<taskGroupId>/<taskId>';
  const { status } = await client.ask({ taskId, scope }, 'cancelTask', taskId);
  // For a resolved task, the queue reports success too, but leaves the task unchanged.
  if (status.state !== 'exception' || status.runs.at(-1)?.reasonResolved !== 'canceled')
    throw new Failure(
      wrongState.code,
      `task ${taskId} cannot be cancelled: it is ${taskWords(status)} already`,
    );
  return show(status, words, streams);
}

/** `tcw task rerun`: makes a resolved task pending again. @throws Failure */
export async function rerun(
  taskId: string,
  words: RerunWords,
  environment: Environment,
  streams: Streams,
): Promise<number> {
  const client = clientFor(taskId, words, environment, streams);
  const { status: before } = await client.ask({ taskId }, 'status', taskId);
  const { state } = before;
  if (state === 'pending' || state === 'running' || state === 'unscheduled')
    throw new Failure(wrongState.code, `task ${taskId} cannot be rerun: it is ${state}, so not resolved yet`);
  if (state === 'completed' && !words.force)
    throw new Failure(wrongState.code, `task ${taskId} has completed: to run it once more, use --force`);
  const scope = 'queue:rerun-task:<schedulerId>/<taskGroupId>/<taskId>';
  const { status } = await client.ask({ taskId, scope }, 'rerunTask', taskId);
  return show(status, words, streams);
}

function clientFor(
  taskId: string,
  { rootUrl }: CancelWords,
  environment: Environment,
  { stderr }: Streams,
): TaskClient {
  assertTaskId(taskId, usage.code);
  return taskClient(deploymentOf(rootUrl, environment), teller(stderr));
}

async function show(status: Status, { json }: CancelWords, { stdout }: Streams): Promise<number> {
  await writeData(stdout, json ? asJson(status) : `${taskWords(status)}\n`);
  return done.code;
}
