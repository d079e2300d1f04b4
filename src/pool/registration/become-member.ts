import type { PoolProblem } from '../host.ts';
import { joinPool, type Joining } from './membership/join-pool.ts';
import { memberOf, type Member } from './membership/member.ts';
import { poolCalls, type PoolCalls } from './pool-calls.ts';
import {
  poolConfiguration,
  withFilesWritten,
  type PoolConfiguration,
} from './settings/pool-configuration.ts';
import type { Note } from '../note.ts';
import { RegistrationError } from './registration-error.ts';

/** A registered worker that has read its pool's configuration. */
export interface PoolMember extends Member {
  readonly pool: PoolConfiguration;
  readonly calls: PoolCalls;
  /** Whether worker-manager created the machine and removes it. */
  readonly isDynamic: boolean;
}

/**
 * Joins a pool: registers or resumes an earlier registration, writes the pool's files, and reads its secrets. If the
 * pool's settings are wrong, the pool's owner gets a report, and a cloud machine is removed.
 *
 * @throws RegistrationError, ServiceError, or the signal's reason
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
      await giveUp({ calls, isDynamic: joining.provider.isDynamic }, error.message, note);
    throw error;
  }
}

/**
 * Gives up a worker that cannot work with its pool's configuration. Reports the problem to the pool's owner and has a
 * cloud machine removed. Otherwise the machine would cost money without working until worker-manager considers it a
 * zombie. The problem is logged first, because these calls may take minutes. Never throws.
 */
export async function giveUp(
  { calls, isDynamic }: Pick<PoolMember, 'calls' | 'isDynamic'>,
  problem: string,
  note: Note,
): Promise<void> {
  note('error', 'the configuration of the worker is wrong; reporting it to the owner of the pool', {
    problem,
  });
  await calls.reportError(configurationProblem(problem));
  if (isDynamic) await calls.remove();
}

function configurationProblem(description: string): PoolProblem {
  return { kind: 'worker-error', title: 'the configuration of the worker is wrong', description, extra: {} };
}
