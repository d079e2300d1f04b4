import { setTimeout as sleep } from 'node:timers/promises';
import { failureOf } from './accounts.ts';
import type { Executor } from './execute.ts';
import { endDomain, killEach, listProcesses, signalAll, type MacAccount } from './commands.ts';

/** The pause between two checks for remaining processes, in ms. */
const PAUSE_MS = 50;
/** How long processes may outlive SIGKILL, in ms. */
const KILLED_MS = 10_000;

/** All processes of one user, who belongs to one run. They cannot change their user ID. */
export interface UserProcesses {
  /** The pids of the living processes. */
  list(): Promise<readonly number[]>;
  /** Sends SIGTERM to each. Settles when none is left, or after `graceMs`. */
  terminate(graceMs: number): Promise<void>;
  /**
   * Kills each. Settles when none is left.
   *
   * @returns how many there were
   * @throws Error naming those that do not end
   */
  kill(): Promise<number>;
}

export function userProcesses(
  { name, uid }: Pick<MacAccount, 'name' | 'uid'>,
  { execute }: Pick<Executor, 'execute'>,
  killedMs = KILLED_MS,
): UserProcesses {
  const list = async (): Promise<readonly number[]> => {
    const line = listProcesses(uid);
    const executed = await execute(line);
    if (executed.code === 1) return [];
    if (executed.code !== 0) throw failureOf(line, executed);
    return executed.stdout.split('\n').filter(Boolean).map(Number);
  };
  return {
    list,
    terminate: async graceMs => {
      const deadline = performance.now() + graceMs;
      if ((await list()).length === 0) return;
      await execute(signalAll(name, 'TERM'));
      // Stopped processes can only end after this.
      await execute(signalAll(name, 'CONT'));
      while ((await list()).length > 0 && performance.now() < deadline) await sleep(PAUSE_MS);
    },
    kill: async () => {
      const deadline = performance.now() + killedMs;
      const found = (await list()).length;
      if (found === 0) return 0;
      // Otherwise launchd would restart its agents.
      await execute(endDomain(uid));
      for (;;) {
        await execute(signalAll(name, 'KILL'));
        await execute(killEach(uid));
        const left = await list();
        if (left.length === 0) return found;
        if (performance.now() >= deadline) {
          throw new Error(`Processes cannot be ended: ${left.join(', ')}, of the user ${name} (${uid})`);
        }
        await sleep(PAUSE_MS);
      }
    },
  };
}
