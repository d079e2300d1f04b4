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

/** The exit code for what became of a message: what is invalid or too large then is its body. */
export function publishExitCode(kind: PulseErrorKind): number {
  return kind === 'invalid' || kind === 'mismatch' ? badData.code : EXIT_CODE_OF[kind];
}

/** A word of the command line that cannot be used. */
export function usageError(message: string): Failure {
  return new Failure(usage.code, message);
}

/** What the library says of a mistake, in one line and with an exit code. Anything else stays what it is. */
export function pulseFailure(error: unknown, more = ''): unknown {
  if (!(error instanceof PulseError)) return error;
  return new Failure(EXIT_CODE_OF[error.kind], `${printable(error.message)}${more}`);
}

/** The same, for words that are looked at before there is a connection. */
export function checked<T>(look: () => T): T {
  try {
    return look();
  } catch (error) {
    throw pulseFailure(error);
  }
}
