/**
 * The codes that tcw exits with: generic-worker's wherever it has one (its `usage.go`), so that whatever starts
 * the worker and looks at its code need not change.
 */
export const EXIT_CODES = {
  tasksComplete: { code: 0, when: 'all that was asked for is done' },
  tasksFailed: { code: 1, when: 'tcw dev --once: a task did not complete' },
  cannotLoadConfig: { code: 64, when: 'unknown command or option, or a configuration that can not be read' },
  rebootRequired: { code: 67, when: 'the machine has to be rebooted before the next task' },
  idleTimeout: { code: 68, when: 'no task came for idleTimeoutSecs' },
  internalError: { code: 69, when: 'an error of the worker, or a machine that it can not work on' },
  workerManagerShutdown: { code: 70, when: 'worker-manager no longer needs the worker' },
  workerStopped: { code: 71, when: 'SIGINT: running tasks were finished' },
  workerShutdown: { code: 72, when: 'SIGTERM: running tasks were stopped' },
  invalidConfig: { code: 73, when: 'the configuration was read, and something in it is missing or wrong' },
} as const satisfies Record<string, { readonly code: number; readonly when: string }>;
