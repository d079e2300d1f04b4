import {
  CredentialsRefused,
  UnsuitableMachine,
  SigningKeyUnusable,
  StartError,
  type ExitReason,
  type WorkerConfig,
} from '../../worker/index.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import { refusedCredentials } from './worker-credentials.ts';

/** The exit code of `tcw run` for each reason to end. */
export const EXIT_CODE_OF: Readonly<Record<ExitReason, number>> = {
  'tasks-complete': EXIT_CODES.tasksComplete.code,
  idle: EXIT_CODES.idleTimeout.code,
  'not-needed': EXIT_CODES.workerManagerShutdown.code,
  stopped: EXIT_CODES.workerStopped.code,
  shutdown: EXIT_CODES.workerShutdown.code,
  'out-of-service': EXIT_CODES.internalError.code,
};

/**
 * Converts an error that ended the worker into a Failure if the user can correct it. Returns any other error unchanged.
 */
export function workerFailure(config: WorkerConfig, error: unknown): unknown {
  if (error instanceof StartError) {
    return new Failure(codeOf(error), error.message);
  }
  if (error instanceof CredentialsRefused) return refusedCredentials(config, error.refusal);
  return error;
}

function codeOf(error: StartError): number {
  if (error instanceof UnsuitableMachine) return EXIT_CODES.internalError.code;
  return isAboutSigningKey(error) ? EXIT_CODES.noSigningKey.code : EXIT_CODES.invalidConfig.code;
}

function isAboutSigningKey(error: unknown): boolean {
  return error instanceof Error && (error instanceof SigningKeyUnusable || isAboutSigningKey(error.cause));
}
