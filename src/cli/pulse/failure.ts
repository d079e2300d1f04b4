import { PulseError, type PulseErrorKind } from '../../pulse/index.ts';
import { PULSE_EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { printable } from './printable.ts';

const { usage, badData, unavailable, notAllDone, refused } = PULSE_EXIT_CODES;

const EXIT_CODE_OF: Readonly<Record<PulseErrorKind, number>> = {
  credentials: refused.code,
  vhost: refused.code,
  forbidden: refused.code,
  'not-found': usage.code,
  mismatch: usage.code,
  invalid: usage.code,
  locked: unavailable.code,
  connection: unavailable.code,
  closed: unavailable.code,
  timeout: unavailable.code,
  aborted: unavailable.code,
  full: notAllDone.code,
  nacked: notAllDone.code,
  returned: notAllDone.code,
};

/**
 * Returns the exit code for a message that was not published. Here, `invalid` or a mismatch means that the body is
 * wrong.
 */
export function publishExitCode(kind: PulseErrorKind): number {
  return kind === 'invalid' || kind === 'mismatch' ? badData.code : EXIT_CODE_OF[kind];
}

/** The failure for an invalid argument on the command line. */
export function usageError(message: string): Failure {
  return new Failure(usage.code, message);
}

/**
 * Converts an error of the library into a Failure with a one-line message and an exit code. Returns any other error
 * unchanged.
 */
export function pulseFailure(error: unknown, more = ''): unknown {
  if (!(error instanceof PulseError)) return error;
  return new Failure(EXIT_CODE_OF[error.kind], `${printable(error.message)}${more}`);
}

/** Runs a check of the command line, and converts the errors of the library in the same way. */
export function checked<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw pulseFailure(error);
  }
}
