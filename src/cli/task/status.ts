import { deploymentOf, type Environment } from '../deployment/deployment.ts';
import { assertTaskId } from '../deployment/task-id.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { taskClient } from './client.ts';
import { assertRun, describeRun, describeTask } from './task-status.ts';
import { asJson, messagePrinter, writeData, type Streams } from './streams.ts';

export interface StatusOptions {
  readonly rootUrl?: string;
  readonly run?: number;
  readonly allRuns?: true;
  readonly json?: true;
}

/** `tcw task status`: prints the state of a task, or of its runs. @throws Failure */
export async function status(
  taskId: string,
  { rootUrl, run, allRuns, json }: StatusOptions,
  environment: Environment,
  { stdout, stderr }: Streams,
): Promise<number> {
  assertTaskId(taskId, TASK_EXIT_CODES.usage.code);
  if (allRuns && run !== undefined)
    throw new Failure(TASK_EXIT_CODES.usage.code, '--run and --all-runs exclude each other');
  const client = taskClient(deploymentOf(rootUrl, environment), messagePrinter(stderr));
  const { status: found } = await client.ask({ taskId }, 'status', taskId);
  if (run !== undefined) assertRun(found, run);
  const { runs } = found;
  if (json) await writeData(stdout, asJson(run === undefined ? found : runs[run]));
  else if (allRuns)
    await writeData(stdout, runs.map(each => `run ${each.runId}: ${describeRun(each)}\n`).join(''));
  else await writeData(stdout, `${run === undefined ? describeTask(found) : describeRun(runs[run])}\n`);
  return TASK_EXIT_CODES.done.code;
}
