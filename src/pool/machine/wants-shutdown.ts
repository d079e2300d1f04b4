import type { WorkerConfig } from '../../worker/config/index.ts';

/** generic-worker's exit codes (its `usage.go`) after which it may shut the machine down (its `main.go`). */
const IDLE_TIMEOUT = 68;
const INTERNAL_ERROR = 69;
const WORKER_MANAGER_SHUTDOWN = 70;

/** Returns whether to shut the machine down after this exit code, by generic-worker's rules. */
export function wantsShutdown(
  exitCode: number,
  {
    shutdownMachineOnIdle,
    shutdownMachineOnInternalError,
  }: Pick<WorkerConfig, 'shutdownMachineOnIdle' | 'shutdownMachineOnInternalError'>,
): boolean {
  if (exitCode === IDLE_TIMEOUT) return shutdownMachineOnIdle;
  if (exitCode === INTERNAL_ERROR) return shutdownMachineOnInternalError;
  return exitCode === WORKER_MANAGER_SHUTDOWN;
}
