/**
 * What was wrong:
 *
 * - `damaged`: the content is truncated, corrupt, or not of the format
 * - `unsafe`: the archive reaches out of its folder, or is built to do harm
 * - `unsupported`: this worker cannot read the format, or this use of it
 * - `disk-full`: there is no room for what is in it
 */
export type UnpackProblem = 'damaged' | 'unsafe' | 'unsupported' | 'disk-full';

/**
 * The inside form of an UnpackError, which it becomes on its way out: a thread that unpacks need not load what the worker
 * knows of resolutions.
 */
export class UnpackFault extends Error {
  override readonly name = 'UnpackFault';
  readonly problem: UnpackProblem;

  /** @param message names no path of the worker's */
  constructor(problem: UnpackProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}
