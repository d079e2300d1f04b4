import type { Note } from '../../pool/index.ts';
import { engineNames, type WorkerConfig } from '../../worker/index.ts';

/**
 * Engines whose tasks run as the worker's own user. Such tasks can read the worker's files whatever their modes are.
 */
const AS_THE_WORKER: ReadonlySet<string> = new Set(['native', 'script']);

/** Warns if tasks can read the secret with which the worker renews its credentials. */
export function warnOfReadableRegistration(
  config: Pick<WorkerConfig, 'engine' | 'registrationFile'> & Parameters<typeof engineNames>[0],
  note: Note,
): void {
  const engine = engineNames(config).find(name => AS_THE_WORKER.has(name));
  if (engine === undefined) return;
  note(
    'warn',
    `tasks of the engine "${engine}" run as this worker's user and can read its credentials in registrationFile; use the engine "user" or "docker" unless you trust every task`,
    { registrationFile: config.registrationFile },
  );
}
