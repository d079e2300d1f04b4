import { serviceCalls } from '../../taskcluster/index.ts';
import type { PoolProblem } from '../host.ts';
import type { Note } from '../note.ts';
import { withinLimits } from '../problem-limits.ts';
import type { RegistrationState } from './state/registration-state.ts';

/** How long the worker may wait for worker-manager when it ends, in ms. */
const END_MS = 60_000;

/** The calls that a worker makes to worker-manager besides its registration. */
export interface PoolCalls {
  reportError(problem: PoolProblem): Promise<void>;
  /** Asks worker-manager to remove the worker. Returns whether it will. */
  remove(): Promise<boolean>;
}

/** @param present returns the current registration */
export function poolCalls(present: () => RegistrationState, note: Note): PoolCalls {
  const { identity } = present();
  const { rootUrl, workerPoolId, workerGroup, workerId } = identity;
  const call = () => serviceCalls({ rootUrl, signal: AbortSignal.timeout(END_MS) });
  const credentials = () => present().credentials;
  const name = [workerPoolId, workerGroup, workerId] as const;
  return {
    reportError: async problem => {
      const { kind, title, description, extra } = withinLimits(problem);
      const body = { workerGroup, workerId, kind, title, description, extra: { ...extra } };
      try {
        await call()(credentials, 'workerManager', 'reportWorkerError', workerPoolId, body);
      } catch (err) {
        note('warn', 'an error could not be reported to worker-manager', { title, err });
      }
    },
    remove: async () => {
      try {
        await call()(credentials, 'workerManager', 'removeWorker', ...name);
        note('info', 'worker-manager removes this worker');
        return true;
      } catch (error) {
        note('warn', 'could not ask worker-manager to remove this worker', { err: error });
        return false;
      }
    },
  };
}
