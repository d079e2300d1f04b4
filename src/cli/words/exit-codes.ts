/**
 * The exit codes of tcw. Where generic-worker has a code (in its `usage.go`), tcw uses the same one, so that programs
 * that start the worker and check its code need no change.
 */
export const EXIT_CODES = {
  tasksComplete: { code: 0, when: 'all that was asked for is done' },
  tasksFailed: { code: 1, when: 'tcw dev --once: a task did not complete' },
  cannotLoadConfig: { code: 64, when: 'unknown command or option, or a configuration that cannot be read' },
  cannotInstall: { code: 65, when: 'tcw install service: the service could not be installed' },
  idleTimeout: { code: 68, when: 'no task came for idleTimeoutSecs' },
  internalError: { code: 69, when: 'an error of the worker, or a machine that it cannot work on' },
  workerManagerShutdown: { code: 70, when: 'worker-manager no longer needs the worker' },
  workerStopped: { code: 71, when: 'SIGINT: running tasks were finished' },
  workerShutdown: { code: 72, when: 'SIGTERM: running tasks were stopped' },
  invalidConfig: { code: 73, when: 'the configuration was read, and something in it is missing or wrong' },
  noKeyPair: { code: 75, when: 'a key pair could not be made' },
  noSigningKey: { code: 82, when: 'the key that signs the chain of trust cannot be used' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

/** The exit codes of `tcw pulse`, from sysexits.h. generic-worker has no such command to be compatible with. */
export const PULSE_EXIT_CODES = {
  done: { code: 0, when: 'all that was asked for is done; listen was told to stop, and has' },
  usage: { code: 64, when: 'a word of the command line is wrong: an option, a name, a key, a URL' },
  badData: { code: 65, when: 'a body is no JSON, or not what its schema asks for' },
  unavailable: { code: 69, when: 'the broker cannot be reached, or something unexpected' },
  notAllDone: { code: 75, when: 'messages were not taken or were given up, or --count was missed' },
  refused: { code: 77, when: 'the broker refuses user, password, vhost, or what was asked for' },
  interrupted: { code: 130, when: 'forced to leave by a second signal, or told to before it began' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

/** The exit codes of `tcw shell` itself, from sysexits.h. All other codes come from the shell. */
export const SHELL_EXIT_CODES = {
  usage: { code: 64, when: 'a word of the command line is wrong, or the worker cannot do what it asks for' },
  noShell: { code: 66, when: 'there is no such task, it does not run, or it has no shell' },
  unavailable: { code: 69, when: 'the queue or the worker cannot be reached, or the connection is lost' },
  refused: { code: 77, when: 'the queue or the worker refuses who asks' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;

/** The exit codes of `tcw task`, from sysexits.h, and 1 for a task that did not complete. */
export const TASK_EXIT_CODES = {
  done: { code: 0, when: 'done; with --wait or --follow: every task completed' },
  notCompleted: { code: 1, when: 'with --wait or --follow: a task did not complete' },
  usage: { code: 64, when: 'a wrong option or task file, or a task that the queue does not accept' },
  notFound: { code: 66, when: 'there is no such task, run, log or artifact' },
  unavailable: { code: 69, when: 'the deployment, an artifact or the worker cannot be reached' },
  cannotWrite: { code: 73, when: 'a file cannot be written' },
  wrongState: { code: 75, when: 'a task in this state cannot be cancelled or rerun' },
  refused: { code: 77, when: 'credentials are missing, wrong, or lack a scope' },
  interrupted: { code: 130, when: 'stopped by Ctrl-C; the task goes on' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;
