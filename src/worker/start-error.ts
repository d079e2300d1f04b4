import type { ServiceError } from '../taskcluster/index.ts';

/** The worker cannot start, and would fail again the next time, because of its configuration. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** The worker cannot start on this machine. The same configuration may work on another one. */
export class UnsuitableMachine extends StartError {}

/** The queue refuses the worker's credentials. */
export class CredentialsRefused extends Error {
  override readonly name = 'CredentialsRefused';
  readonly refusal: ServiceError;

  constructor(refusal: ServiceError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}
