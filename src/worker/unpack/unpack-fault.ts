/**
 * The kind of problem:
 *
 * - `damaged`: the content is truncated, corrupt, or in another format
 * - `unsafe`: the archive leads out of its folder, or is designed to do harm
 * - `unsupported`: this worker cannot read the format, or this use of it
 * - `disk-full`: there is no room for the contents
 */
export type UnpackProblem = 'damaged' | 'unsafe' | 'unsupported' | 'disk-full';

/** The internal form of an UnpackError. A thread that unpacks need not load the code that resolves runs. */
export class UnpackFault extends Error {
  override readonly name = 'UnpackFault';
  readonly problem: UnpackProblem;

  /** @param message contains no path of the worker */
  constructor(problem: UnpackProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}
