import type { Note } from '../note.ts';
import { writePoolFiles } from './pool-files.ts';
import { poolSecrets, type PoolSecret } from './pool-secrets.ts';
import type { RegistrationState } from './registration-state.ts';
import type { RegistrationStore } from './registration-store.ts';
import { poolSettings, type PoolSettings } from './worker-config.ts';

/** What a pool says of the configuration of its workers, the less important part first. */
export interface PoolConfiguration {
  readonly config: PoolSettings['config'];
  readonly secrets: readonly PoolSecret[];
}

/**
 * Reads what the pool gives its workers: its `workerConfig`, then its secrets. Its files are written once after a registration.
 *
 * @throws RegistrationError for what the pool's owner can correct, ServiceError for a secret that cannot be had
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

/** Notes that the files of the pool are written, so that a restart leaves them alone. */
export async function withFilesWritten(
  state: RegistrationState,
  store: RegistrationStore,
): Promise<RegistrationState> {
  if (state.filesWritten) return state;
  const written = { ...state, filesWritten: true };
  await store.keep(written);
  return written;
}
