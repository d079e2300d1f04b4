/** A program that a service manager starts when the machine starts, and keeps running. */
export interface Service {
  readonly name: string;
  /** What is run: an absolute path, and arguments. */
  readonly command: readonly [string, ...string[]];
  /** As whom; undefined for the service manager's own user. */
  readonly user: string | undefined;
  /** The folder from which relative paths of the configuration count. */
  readonly directory: string;
  /** A file of variables for secrets, where the service manager reads such files. */
  readonly environmentFile: string;
  /** Where programs are looked up, where the usual folders are not enough. */
  readonly path: string | undefined;
  readonly engines: readonly ('native' | 'user' | 'docker' | 'script')[];
  /** How long the worker needs to go, at most; 0 for no limit. */
  readonly graceSecs: number;
}

/** What is left of a stop when the worker has gone, in seconds. */
const AFTER_GRACE_SECS = 10;

/** How long a service manager has to wait for the worker before it kills it; undefined for no limit. */
export function stopSecs({ graceSecs }: Service): number | undefined {
  return graceSecs === 0 ? undefined : graceSecs + AFTER_GRACE_SECS;
}

/**
 * Exit codes of `tcw run` after which a restart makes no sense: it is done, idle, not needed, or was told to go, and the machine's
 * owner decides what follows.
 */
export const DONE_CODES: readonly number[] = [68, 70, 71, 72];

/** Those with which it says that somebody has to mend something first: the configuration or a key. */
export const MEND_CODES: readonly number[] = [64, 73, 75, 82];
