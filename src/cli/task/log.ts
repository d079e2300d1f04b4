import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { wholeLog } from '../output/log-lines.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { taskClient } from './client.ts';
import { followLog } from './follow-log.ts';
import { isResolved, describeTask } from './task-status.ts';
import { messagePrinter, writeData, type Streams } from './streams.ts';

export interface LogOptions {
  readonly rootUrl?: string;
  readonly run?: number;
}

/** `tcw task log`: prints the log of a task to its end. @throws Failure */
export async function log(
  taskId: string,
  { rootUrl, run }: LogOptions,
  environment: Environment,
  { stdout, stderr }: Streams,
): Promise<number> {
  assertTaskId(taskId, TASK_EXIT_CODES.usage.code);
  const printMessage = messagePrinter(stderr);
  const client = taskClient(deploymentOf(rootUrl, environment), printMessage);
  const shown = wholeLog(stdout.isTTY);
  const write = (piece: Uint8Array) => writeData(stdout, shown(piece));
  const status = await followLog({ client, taskId, runId: run, write, printMessage });
  if (status && run === undefined && isResolved(status))
    printMessage(`task ${taskId}: ${describeTask(status)}`);
  return TASK_EXIT_CODES.done.code;
}
