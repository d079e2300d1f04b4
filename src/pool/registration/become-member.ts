import type { PoolProblem } from '../host.ts';
import { joinPool, type Joining } from './join-pool.ts';
import { memberOf, type Member } from './member.ts';
import { poolCalls, type PoolCalls } from './pool-calls.ts';
import { poolConfiguration, withFilesWritten, type PoolConfiguration } from './pool-configuration.ts';
import { RegistrationError } from './registration-error.ts';

/** A worker that has registered, and knows what its pool wants. */
export interface PoolMember extends Member {
  readonly pool: PoolConfiguration;
  readonly calls: PoolCalls;
  /** Whether worker-manager made the machine, and removes it. */
  readonly isDynamic: boolean;
}

/**
 * Joins a pool: registers or goes on, writes the pool's files, and reads its secrets. What is wrong with the pool's own settings is
 * reported to its owner as well, and a machine of a cloud is removed.
 *
 * @throws RegistrationError, ServiceError, or the reason of the signal
 */
export async function becomeMember(joining: Joining, signal: AbortSignal): Promise<PoolMember> {
  const { store, note } = joining;
  const joined = await joinPool(joining, signal);
  const calls = poolCalls(() => joined, note);
  try {
    const pool = await poolConfiguration(joined, note, signal);
    const member = memberOf(await withFilesWritten(joined, store), joining);
    return { ...member, pool, calls: poolCalls(member.state, note), isDynamic: joining.provider.isDynamic };
  } catch (error) {
    if (error instanceof RegistrationError)
      await giveUp({ calls, isDynamic: joining.provider.isDynamic }, error.message);
    throw error;
  }
}

/**
 * Gives up a worker that cannot work as its pool configures it: tells the owner of the pool, and has a machine of a cloud removed, which
 * would cost money and do nothing until worker-manager takes it for a zombie. Never throws.
 */
export async function giveUp(
  { calls, isDynamic }: Pick<PoolMember, 'calls' | 'isDynamic'>,
  problem: string,
): Promise<void> {
  await calls.reportError(configurationProblem(problem));
  if (isDynamic) await calls.remove();
}

function configurationProblem(description: string): PoolProblem {
  return { kind: 'worker-error', title: 'the configuration of the worker is wrong', description, extra: {} };
}
