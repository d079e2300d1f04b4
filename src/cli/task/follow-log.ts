import { setTimeout as sleep } from 'node:timers/promises';
import { TASK_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { TaskClient } from './client.ts';
import { logNames } from './log-names.ts';
import { readLog, type Read } from './read-log.ts';
import { assertRun, describeRun, type Status } from './task-status.ts';

export interface FollowOptions {
  readonly client: TaskClient;
  readonly taskId: string;
  /** Only this run; by default the latest run and all later ones. */
  readonly runId?: number | undefined;
  /** Writes a piece of the log. Resolves when more can be written, to false when the reader is gone. */
  readonly write: (piece: Uint8Array) => Promise<boolean>;
  /** Called with each message for the user. */
  readonly printMessage: (line: string) => void;
}

/** The interval between status calls while there is no log to read, in ms. */
const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;
/** The number of attempts to read a complete log to its end. */
const TRIES = 5;

/**
 * Writes the log of a task from its beginning to its end, while the task runs. If the task does not run yet, waits for
 * it. A lost connection is restored, and reading continues where the log broke off.
 *
 * @returns the status of the task when the log has ended, or undefined when the reader was gone
 * @throws Failure when there is no such task, run or log
 */
export async function followLog(options: FollowOptions): Promise<Status | undefined> {
  const { client, taskId, runId: onlyRun } = options;
  const names = logNames(await client.ask({ taskId }, 'task', taskId));
  const patient = client.patient();
  const printMessage = unlessRepeated(options.printMessage);
  let { status } = await client.ask({ taskId }, 'status', taskId);
  if (onlyRun !== undefined) assertRun(status, onlyRun);
  let runId = onlyRun ?? Math.max(0, status.runs.length - 1);
  let [shown, pause, tries] = [0, SHORTEST_PAUSE_MS, 0];
  for (;;) {
    const run = status.runs[runId];
    // A resolved task may never have had a run.
    const state = run?.state ?? status.state;
    if (state === 'unscheduled' || state === 'pending')
      printMessage(`task ${taskId} is ${state}: waiting for a worker`);
    else {
      const isOver = state !== 'running';
      const read = await readLog(
        { client: patient, taskId, runId, names },
        { from: shown, isOver, write: options.write },
      );
      if (read.unread) return undefined;
      shown += read.bytes;
      if (read.bytes > 0) [pause, tries] = [SHORTEST_PAUSE_MS, 0];
      if (isOver && (read.problem === undefined || ++tries === TRIES)) {
        const another = onlyRun === undefined && status.runs[runId + 1] !== undefined;
        if (!another) return ended(status, runId, shown, read);
        printMessage(
          `run ${runId} of task ${taskId} has ended (${describeRun(run)}): waiting for run ${runId + 1}`,
        );
        [runId, shown, pause, tries] = [runId + 1, 0, SHORTEST_PAUSE_MS, 0];
        continue;
      }
      if (read.problem !== undefined)
        printMessage(`the log cannot be read now, trying again: ${read.problem}`);
    }
    await sleep(pause);
    pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS);
    ({ status } = await patient.ask({ taskId }, 'status', taskId));
  }
}

/** @throws Failure when there was no log, or it could not be read completely */
function ended(status: Status, runId: number, shown: number, { found, problem }: Read): Status {
  const { notFound, unavailable } = TASK_EXIT_CODES;
  const run = status.runs[runId];
  if (problem !== undefined)
    throw new Failure(unavailable.code, `the log of task ${status.taskId} cannot be read: ${problem}`);
  if (!found && shown === 0) {
    const why =
      run?.started === undefined ? 'it never started' : 'its payload asks for none, or the log has expired';
    throw new Failure(notFound.code, `task ${status.taskId} has no log (${describeRun(run)}): ${why}`);
  }
  return status;
}

/** Drops a message that repeats the previous one. */
function unlessRepeated(printMessage: (line: string) => void): (line: string) => void {
  let last = '';
  return line => {
    if (line !== last) printMessage(line);
    last = line;
  };
}
