import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { wholeLog } from '../output/log-lines.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { taskClient } from './client.ts';
import { followLog } from './follow-log.ts';
import { isResolved, taskWords } from './status-words.ts';
import { teller, writeData, type Streams } from './streams.ts';

export interface LogWords {
  readonly rootUrl?: string;
  readonly run?: number;
}

/** `tcw task log`: prints the log of a task to its end. @throws Failure */
export async function log(
  taskId: string,
  { rootUrl, run }: LogWords,
  environment: Environment,
  { stdout, stderr }: Streams,
): Promise<number> {
  assertTaskId(taskId, TASK_EXIT_CODES.usage.code);
  const tell = teller(stderr);
  const client = taskClient(deploymentOf(rootUrl, environment), tell);
  const shown = wholeLog(stdout.isTTY);
  const write = (piece: Uint8Array) => writeData(stdout, shown(piece));
  const status = await followLog({ client, taskId, runId: run, write, tell });
  if (status && run === undefined && isResolved(status)) tell(`task ${taskId}: ${taskWords(status)}`);
  return TASK_EXIT_CODES.done.code;
}
