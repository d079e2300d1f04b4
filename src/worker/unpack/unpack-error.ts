import { TaskError, type TaskErrorKind } from '../outcome.ts';
import { UnpackFault, type UnpackProblem } from './unpack-fault.ts';

const KINDS: Readonly<Record<UnpackProblem, TaskErrorKind>> = {
  damaged: 'task-failed',
  unsafe: 'task-failed',
  unsupported: 'malformed-payload',
  'disk-full': 'resource-unavailable',
};

/** A file could not be decompressed, or an archive not unpacked. The message contains no path of the worker. */
export class UnpackError extends TaskError {
  readonly problem: UnpackProblem;

  constructor({ problem, message, cause }: UnpackFault) {
    super(KINDS[problem], message, { cause });
    this.problem = problem;
  }
}

/** Converts an UnpackFault into its public form. */
export function outside(error: unknown): unknown {
  return error instanceof UnpackFault ? new UnpackError(error) : error;
}
