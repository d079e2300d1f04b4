import { readProcFile } from '../../processes/index.ts';
import { processesInScope, type RunCgroup } from '../usage/cgroup.ts';
import type { CommandContainer } from '../containers/command-container.ts';

/**
 * Sends SIGTERM to every process of a container. Where its processes are not visible or may not be signalled, the engine
 * signals the command alone.
 *
 * @param cgroup undefined where it is not readable
 */
export async function terminate(
  container: CommandContainer,
  cgroup: RunCgroup | undefined,
  timeoutMs: number,
): Promise<void> {
  let asked = 0;
  for (const pid of cgroup?.processes(container.id) ?? processesInScope(container.id)) {
    // The init forwards the signal to the command, which has its own already.
    if (!isInit(pid) && signalled(pid)) asked++;
  }
  if (asked === 0) await container.kill('SIGTERM', timeoutMs);
}

/** Whether a process is the first of its PID namespace: the engine's init. */
function isInit(pid: number): boolean {
  const status = readProcFile(`/proc/${pid}/status`) ?? '';
  return /^NSpid:.*\s1$/m.test(status);
}

/** Resumes it if it was stopped, because it can end only then. */
function signalled(pid: number): boolean {
  try {
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    return true;
  } catch {
    // It has ended, or belongs to another user.
    return false;
  }
}
