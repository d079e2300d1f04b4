import { ServiceError, serviceCalls } from '../../../taskcluster/index.ts';
import type { Note } from '../../note.ts';
import type { RegistrationState } from '../state/registration-state.ts';
import { secretSettings, type PoolSettings } from './worker-config.ts';

/** A secret of a pool that contains configuration. */
export interface PoolSecret {
  readonly name: string;
  readonly config: PoolSettings['config'];
}

/**
 * Reads a pool's secrets: `worker-type:<pool ID>` and `worker-pool:<pool ID>`. The second takes precedence. Either may
 * be missing, and reading the first may be forbidden, as in worker-runner.
 *
 * @throws ServiceError, RegistrationError
 */
export async function poolSecrets(
  { identity: { rootUrl, workerPoolId }, credentials }: Pick<RegistrationState, 'identity' | 'credentials'>,
  note: Note,
  signal: AbortSignal,
): Promise<PoolSecret[]> {
  const call = serviceCalls({ rootUrl, signal });
  const names = [`worker-type:${workerPoolId}`, `worker-pool:${workerPoolId}`];
  const found: PoolSecret[] = [];
  for (const name of names) {
    try {
      const { secret } = await call(credentials, 'secrets', 'get', name);
      found.push({ name, config: secretSettings(name, secret) });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const isForbidden = error.statusCode === 403 && name === names[0];
      if (isForbidden) note('info', 'this worker may not read a secret of its pool', { secret: name });
      else if (error.statusCode !== 404) throw error;
    }
  }
  if (found.length === 0) note('info', 'the worker pool has no secrets', { secrets: names });
  return found;
}
