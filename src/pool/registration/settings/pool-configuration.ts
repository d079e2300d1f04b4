import type { Note } from '../../note.ts';
import { writePoolFiles } from './pool-files.ts';
import { poolSecrets, type PoolSecret } from './pool-secrets.ts';
import type { RegistrationState } from '../state/registration-state.ts';
import type { RegistrationStore } from '../state/registration-store.ts';
import { poolSettings, type PoolSettings } from './worker-config.ts';

/** A pool's configuration for its workers. Its secrets take precedence over `config`. */
export interface PoolConfiguration {
  readonly config: PoolSettings['config'];
  readonly secrets: readonly PoolSecret[];
}

/**
 * Reads a pool's `workerConfig` and then its secrets. Writes its files once after a registration.
 *
 * @throws RegistrationError for mistakes that the pool's owner can correct, ServiceError if a secret cannot be read
 */
export async function poolConfiguration(
  state: RegistrationState,
  note: Note,
  signal: AbortSignal,
): Promise<PoolConfiguration> {
  const { config, files } = poolSettings(state.workerConfig);
  if (!state.filesWritten) await writePoolFiles(files, signal);
  return { config, secrets: await poolSecrets(state, note, signal) };
}

/** Records that the pool's files have been written, so that a restart does not write them again. */
export async function withFilesWritten(
  state: RegistrationState,
  store: RegistrationStore,
): Promise<RegistrationState> {
  if (state.filesWritten) return state;
  const written = { ...state, filesWritten: true };
  await store.keep(written);
  return written;
}
