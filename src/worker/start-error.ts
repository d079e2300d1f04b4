import type { ServiceError } from '../taskcluster/index.ts';

/** Why a worker cannot start, and would not the next time: what is configured cannot be had. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Why a worker cannot start on this machine, whose configuration may be right for another. */
export class MachineUnfit extends StartError {}

/** The queue does not believe who calls. */
export class CredentialsRefused extends Error {
  override readonly name = 'CredentialsRefused';
  readonly refusal: ServiceError;

  constructor(refusal: ServiceError) {
    super(refusal.message);
    this.refusal = refusal;
  }
}
