import { ServiceError } from '../base/index.ts';
import type { TaskExceptionRequest } from '../taskcluster/index.ts';
import { CommandNotStarted } from './engines/engine.ts';
import { shortageOf } from './shortage.ts';

/** The result of a run, as it is reported to the queue. */
export type Outcome =
  | { readonly result: 'completed' }
  | { readonly result: 'failed'; readonly message: string }
  | {
      readonly result: 'exception';
      readonly reason: TaskExceptionRequest['reason'];
      readonly message: string;
    };

/** The kinds of errors that a run expects. Every other error is an internal error. */
export type TaskErrorKind =
  'task-failed' | 'malformed-payload' | 'resource-unavailable' | 'intermittent-task' | 'internal-error';

/** An error that decides how the run is resolved. Its message is the last line of the task's log. */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly kind: TaskErrorKind;

  constructor(kind: TaskErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Returns the resolution for an error of a run. The rules follow generic-worker's. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof TaskError) {
    return error.kind === 'task-failed'
      ? { result: 'failed', message: error.message }
      : { result: 'exception', reason: error.kind, message: error.message };
  }
  if (error instanceof CommandNotStarted) return { result: 'failed', message: error.message };
  if (error instanceof ServiceError) {
    // A conflict about the run itself has already become a stop. This one is about an artifact's name.
    const reason =
      error.kind === 'conflict' || error.kind === 'refused' ? 'malformed-payload' : 'resource-unavailable';
    return { result: 'exception', reason, message: error.message };
  }
  const shortage = shortageOf(error);
  if (shortage !== undefined) {
    const message = `this machine has run out of ${shortage}: ${describe(error)}`;
    return { result: 'exception', reason: 'resource-unavailable', message };
  }
  return { result: 'exception', reason: 'internal-error', message: `internal error: ${describe(error)}` };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const logged = new WeakSet<Error>();

/** Marks an error that is already in its task's log, so that it is not logged again. */
export function markLogged(error: unknown): void {
  if (error instanceof Error) logged.add(error);
}

/** Whether an error is already in its task's log. */
export function isLogged(error: unknown): boolean {
  return error instanceof Error && logged.has(error);
}
