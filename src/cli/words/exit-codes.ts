/**
 * The exit codes of tcw. Where generic-worker has a code (in its `usage.go`), tcw uses the same one, so that programs
 * that start the worker and check its code need no change.
 */
export const EXIT_CODES = {
  tasksComplete: { code: 0, when: 'success' },
  tasksFailed: { code: 1, when: 'tcw dev --once: a task did not complete' },
  cannotLoadConfig: {
    code: 64,
    when: 'an unknown command or option, or a configuration that cannot be read',
  },
  cannotInstall: { code: 65, when: 'tcw install service: the service could not be installed' },
  idleTimeout: { code: 68, when: 'no task arrived for idleTimeoutSecs' },
  internalError: { code: 69, when: 'an internal error, or a machine that the worker cannot use' },
  workerManagerShutdown: { code: 70, when: 'worker-manager no longer needs the worker' },
  workerStopped: { code: 71, when: 'SIGINT: the worker finished its tasks' },
  workerShutdown: { code: 72, when: 'SIGTERM: the worker stopped its tasks' },
  invalidConfig: { code: 73, when: 'a value in the configuration is missing or wrong' },
  noKeyPair: { code: 75, when: 'a key pair could not be created' },
  noSigningKey: { code: 82, when: 'the chain of trust signing key cannot be used' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

/** The exit codes of `tcw pulse`, from sysexits.h. generic-worker has no such command to be compatible with. */
export const PULSE_EXIT_CODES = {
  done: { code: 0, when: 'success, also of listen when it was stopped' },
  usage: { code: 64, when: 'the command line is wrong: an option, a name, a routing key or a URL' },
  badData: { code: 65, when: 'a body is not JSON, or does not match its schema' },
  unavailable: { code: 69, when: 'the broker cannot be reached, or an unexpected error' },
  notAllDone: { code: 75, when: 'a message was not taken or was given up, or --count was not reached' },
  refused: { code: 77, when: 'the broker refuses the user, the password, the vhost or the request' },
  interrupted: { code: 130, when: 'stopped by a second signal, or before the connection was open' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

/** The exit codes of `tcw shell` itself, from sysexits.h. All other codes come from the shell. */
export const SHELL_EXIT_CODES = {
  usage: { code: 64, when: 'the command line is wrong, or the worker does not support the request' },
  noShell: { code: 66, when: 'the task does not exist, is not running, or has no shell' },
  unavailable: { code: 69, when: 'the queue or the worker cannot be reached, or the connection was lost' },
  refused: { code: 77, when: 'the queue or the worker refuses the credentials' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

/** The exit codes of `tcw task`, from sysexits.h, and 1 for a task that did not complete. */
export const TASK_EXIT_CODES = {
  done: { code: 0, when: 'done; with --wait or --follow: every task completed' },
  notCompleted: { code: 1, when: 'with --wait or --follow: a task did not complete' },
  usage: { code: 64, when: 'an option or a task file is wrong, or the queue rejects the task' },
  notFound: { code: 66, when: 'the task, run, log or artifact does not exist' },
  unavailable: { code: 69, when: 'the deployment, an artifact or the worker cannot be reached' },
  cannotWrite: { code: 73, when: 'a file cannot be written' },
  wrongState: { code: 75, when: 'a task in this state cannot be cancelled or rerun' },
  refused: { code: 77, when: 'credentials are missing, wrong, or lack a scope' },
  interrupted: { code: 130, when: 'stopped by Ctrl-C; the task continues' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;
