import { ServiceError, serviceCalls, type Credentials } from '../taskcluster/index.ts';
import type { WorkerConfig } from '../worker/config/index.ts';
import type { Note } from './note.ts';

const NOBODY_DECIDES: ReadonlySet<number | undefined> = new Set([401, 403, 404]);

/**
 * Asks worker-manager whether the worker is still needed. The answer is undefined for a worker that worker-manager does
 * not know (404) or that may not ask (401, 403). If the call fails otherwise, the worker counts as needed.
 */
export function askWorkerManager(
  { rootURL, provisionerId, workerType, workerGroup, workerId }: WorkerConfig,
  credentials: () => Credentials,
  note: Note,
): (signal: AbortSignal) => Promise<boolean | undefined> {
  let lastProblem: string | undefined;
  return async signal => {
    const call = serviceCalls({ rootUrl: rootURL, signal });
    const workerPoolId = `${provisionerId}/${workerType}`;
    try {
      const { terminate, reason } = await call(
        credentials,
        'workerManager',
        'shouldWorkerTerminate',
        workerPoolId,
        workerGroup,
        workerId,
      );
      lastProblem = undefined;
      if (terminate) note('info', 'worker-manager does not need this worker', { reason });
      return !terminate;
    } catch (err) {
      const problem = err instanceof ServiceError ? err.message : String(err);
      // The same problem is logged only once, not each minute.
      if (!signal.aborted && problem !== lastProblem) {
        note('warn', 'could not ask worker-manager whether this worker is needed', { err });
      }
      lastProblem = problem;
      return NOBODY_DECIDES.has((err as ServiceError).statusCode) ? undefined : true;
    }
  };
}
