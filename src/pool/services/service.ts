/** A program that a service manager starts with the machine and keeps running. */
export interface Service {
  readonly name: string;
  /** The command: an absolute path and arguments. */
  readonly command: readonly [string, ...string[]];
  /** The user to run as. Undefined: the service manager's own user. */
  readonly user: string | undefined;
  /** The folder to which relative paths in the configuration refer. */
  readonly directory: string;
  /** A file with environment variables for secrets, if the service manager supports such files. */
  readonly environmentFile: string;
  /** The value of PATH, if the usual folders are not enough. */
  readonly path: string | undefined;
  readonly engines: readonly ('native' | 'user' | 'docker' | 'script')[];
  /** How long the worker may take to shut down, in seconds. 0: no limit. */
  readonly graceSecs: number;
}

/** Time that the service manager adds to the worker's shutdown time, in seconds. */
const AFTER_GRACE_SECS = 10;

/** Returns how long the service manager waits for the worker before it kills it, in seconds. Undefined: no limit. */
export function stopSecs({ graceSecs }: Service): number | undefined {
  return graceSecs === 0 ? undefined : graceSecs + AFTER_GRACE_SECS;
}

/**
 * Returns the part of the directory below `/var/lib` if systemd can create the directory. `StateDirectory=` is a list
 * with a syntax of its own, so names with spaces, colons, quotes or backslashes are left to the machine's owner.
 */
export function stateDirectory({ directory }: Pick<Service, 'directory'>): string | undefined {
  return /^\/var\/lib\/([^\s:'"\\]+)$/.exec(directory)?.[1];
}

/**
 * Exit codes of `tcw run` after which a restart makes no sense. The worker is done, idle, not needed, or was asked to
 * shut down, and the machine's owner decides what follows.
 */
export const NO_RESTART_CODES: readonly number[] = [68, 70, 71, 72];

/** Exit codes of `tcw run` that mean that someone must first fix something, such as the configuration or a key. */
export const NEEDS_FIX_CODES: readonly number[] = [64, 73, 82];
