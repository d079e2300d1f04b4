import type { ServiceError } from '../taskcluster/index.ts';

/** The worker cannot start, and would fail again the next time, because of its configuration. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Describes a folder that the worker cannot use. */
export function unusableFolder(property: string, folder: string, error: unknown): StartError {
  const { message } = error as Error;
  // Paths can be of any length.
  const shown = JSON.stringify(folder.length > 200 ? `${folder.slice(0, 200)}…` : folder);
  const [reason] = /^[A-Z]+: [^,]+/.exec(message) ?? [message];
  return new StartError(
    `${property}: cannot use ${shown} (${reason}). Name another folder, or change its permissions.`,
  );
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
