import { ConfigurationError } from '../../config/problem.ts';
import { Failure } from '../../words/failure.ts';
import type { Findings } from './findings.ts';

/**
 * Adds a failed check for each problem of a failure.
 *
 * @throws the error itself if it is not a Failure
 */
export function reportFailure(error: unknown, findings: Findings): void {
  if (!(error instanceof Failure)) throw error;
  const messages =
    error instanceof ConfigurationError ? error.problems.map(({ message }) => message) : [error.message];
  for (const message of messages) findings.fail(error.exitCode, message);
}
