import { setTimeout as sleep } from 'node:timers/promises';
import { wholeLog } from '../output/log-lines.ts';
import { withBlocked, type Ending } from '../task-files/endings.ts';
import type { NewTask } from '../task-files/read-tasks.ts';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { TaskClient } from './client.ts';
import { followLog } from './follow-log.ts';
import { lastErrors } from './last-errors.ts';
import { isResolved, type Status } from './task-status.ts';
import { writeData, type Streams } from './streams.ts';

interface AwaitOptions {
  readonly client: TaskClient;
  readonly streams: Streams;
  readonly printMessage: (line: string) => void;
  /** Whether to print the logs, one after the other. */
  readonly withLogs: boolean;
}

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Waits until tasks are resolved, in the given order. The queue accepts a task only after its dependencies, so whether
 * a task can never start is known by the time its turn comes.
 */
export async function awaitEndings(
  tasks: readonly NewTask[],
  options: AwaitOptions,
): Promise<ReadonlyMap<string, Ending>> {
  const { printMessage, withLogs } = options;
  let endings = new Map<string, Ending>();
  for (const { taskId, definition } of tasks) {
    if (endings.has(taskId)) continue;
    if (withLogs && tasks.length > 1) printMessage(`log of ${definition.metadata.name} (${taskId}):`);
    const errors = withLogs ? await readLog(taskId, options) : [];
    const status = await resolved(taskId, options);
    // Only the log says what is wrong with a payload, and it contains nothing else.
    if (!withLogs && status.runs.at(-1)?.reasonResolved === 'malformed-payload') {
      printMessage(`log of ${definition.metadata.name} (${taskId}):`);
      for (const line of await readLog(taskId, options)) printMessage(line);
    }
    endings = withBlocked(new Map(endings).set(taskId, endingOf(status, errors.at(-1))), tasks);
  }
  return endings;
}

/** Reads the log to its end, and prints it with `withLogs`. @returns the errors at its end */
async function readLog(
  taskId: string,
  { client, streams, printMessage, withLogs }: AwaitOptions,
): Promise<readonly string[]> {
  const shown = wholeLog(streams.stdout.isTTY);
  const errors = lastErrors();
  const write = async (piece: Uint8Array) => {
    errors.see(piece);
    // The result matters even if nobody reads the log.
    if (withLogs) await writeData(streams.stdout, shown(piece));
    return true;
  };
  try {
    await followLog({ client, taskId, write, printMessage });
  } catch (problem) {
    const { notFound, unavailable } = TASK_EXIT_CODES;
    if (!(problem instanceof Failure)) throw problem;
    // Only a user who asked for the log needs it.
    if (withLogs && problem.exitCode !== notFound.code && problem.exitCode !== unavailable.code)
      throw problem;
    printMessage(problem.message);
  }
  return errors.lines();
}

async function resolved(taskId: string, { client }: AwaitOptions): Promise<Status> {
  const patient = client.patient();
  for (let pause = SHORTEST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const { status } = await patient.ask({ taskId }, 'status', taskId);
    if (isResolved(status)) return status;
    await sleep(pause);
  }
}

function endingOf({ state, runs }: Status, error: string | undefined): Ending {
  const reason = state === 'exception' ? runs.at(-1)?.reasonResolved : undefined;
  const parts = [reason, state === 'completed' ? undefined : error].filter(part => part !== undefined);
  return { state: state as Ending['state'], ...(parts.length > 0 && { reason: parts.join(': ') }) };
}
