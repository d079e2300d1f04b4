import { readProcFile } from '../processes/index.ts';
import { processesInScope, type RunCgroup } from './cgroup.ts';
import type { CommandContainer } from './command-container.ts';

/**
 * Asks every process of a container to end. Where its processes cannot be seen, or not be signalled, the engine asks the command
 * alone.
 *
 * @param cgroup undefined where it cannot be read
 */
export async function terminate(
  container: CommandContainer,
  cgroup: RunCgroup | undefined,
  timeoutMs: number,
): Promise<void> {
  let asked = 0;
  for (const pid of cgroup?.processes(container.id) ?? processesInScope(container.id)) {
    // It passes the signal on to the command, which has its own by then.
    if (!isInit(pid) && signalled(pid)) asked++;
  }
  if (asked === 0) await container.kill('SIGTERM', timeoutMs);
}

/** Whether a process is the first of its PID namespace, which is the engine's own. */
function isInit(pid: number): boolean {
  const status = readProcFile(`/proc/${pid}/status`) ?? '';
  return /^NSpid:.*\s1$/m.test(status);
}

/** Also has it go on if it was halted, as only then can it end. */
function signalled(pid: number): boolean {
  try {
    process.kill(pid, 'SIGTERM');
    process.kill(pid, 'SIGCONT');
    return true;
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}
