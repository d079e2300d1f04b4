import { map, merge, NEVER, type Observable } from 'rxjs';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { Host, ShutdownRequest } from '../host.ts';
import { shutDownAfter, shutDownNow, wantsShutdown, warnOfShutdown } from '../machine/index.ts';
import type { Note } from '../note.ts';
import { askWorkerManager } from '../should-terminate.ts';
import type { PoolMember } from './become-member.ts';

/** Exit codes of a worker that cannot work with its configuration: 73, and 82 for an unusable signing key. */
const WRONG_CONFIGURATION: readonly number[] = [73, 82];

const UNRENEWED: ShutdownRequest = {
  how: 'finish',
  because: 'its credentials expire, and worker-manager does not renew them',
};

/**
 * The host for a worker that has registered with worker-manager.
 *
 * worker-manager removes a cloud machine when the worker is done (0), when it cannot work with its configuration, and
 * when it would shut its machine down. If the call to worker-manager fails, the machine is shut down. worker-manager is
 * never asked to remove a static worker, since a removed one could not register again.
 *
 * @param notices$ the cloud's notices that it takes the machine away
 */
export function memberHost(
  member: PoolMember,
  config: WorkerConfig,
  note: Note,
  notices$: Observable<ShutdownRequest> = NEVER,
): Host {
  const { isDynamic } = member;
  const credentials = () => member.state().credentials;
  if (!isDynamic) warnOfShutdown(config, note);
  return {
    credentials,
    credentials$: member.credentials$,
    shutdownRequest$: merge(member.ends$.pipe(map(() => UNRENEWED)), notices$),
    // worker-manager does not terminate static workers.
    ...(isDynamic && { isNeeded: askWorkerManager(config, credentials, note) }),
    reportError: problem => member.calls.reportError(problem),
    ended: async exitCode => {
      if (!isDynamic) return shutDownAfter(exitCode, config, note);
      const isOver = exitCode === 0 || WRONG_CONFIGURATION.includes(exitCode);
      if (!isOver && !wantsShutdown(exitCode, config)) return;
      if (!(await member.calls.remove())) await shutDownNow(exitCode, config, note);
    },
  };
}
