import { isPoolFile, type PoolFile } from './pool-files.ts';
import { RegistrationError } from '../registration-error.ts';

/** The parsed `workerConfig` of a pool. */
export interface PoolSettings {
  /** Configuration properties. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly files: readonly PoolFile[];
}

/**
 * Parses a pool's `workerConfig`, in either of worker-runner's two layouts: `{"genericWorker": {"config", "files"}}`
 * without other keys, or the properties themselves.
 *
 * https://docs.taskcluster.net/docs/reference/workers/worker-runner/workers/generic-worker
 *
 * @throws RegistrationError
 */
export function poolSettings(workerConfig: Readonly<Record<string, unknown>>): PoolSettings {
  const [only, ...others] = Object.keys(workerConfig);
  if (only !== 'genericWorker' || others.length > 0) return { config: workerConfig, files: [] };
  const { config, files } = objectAt(workerConfig.genericWorker, 'genericWorker of the worker pool');
  return { config: configAt(config, 'genericWorker.config of the worker pool'), files: filesAt(files ?? []) };
}

/**
 * Parses a pool's secret: `{"config", "files"}`, or the properties themselves.
 *
 * @param name the name of the secret, for messages
 * @throws RegistrationError, also if the secret has files, which worker-runner never wrote
 */
export function secretSettings(name: string, content: unknown): PoolSettings['config'] {
  const secret = objectAt(content, `the secret ${name} of the worker pool`);
  const isLayout = Object.keys(secret).every(key => key === 'config' || key === 'files');
  if (!isLayout) return secret;
  const { config } = secret;
  const files = secret.files ?? [];
  if (!Array.isArray(files) || files.length > 0) {
    throw wrong(`the secret ${name} has files; move them to the workerConfig of the worker pool`);
  }
  return configAt(config, `config of the secret ${name} of the worker pool`);
}

/** In worker-runner, null means the same as no value. */
function configAt(value: unknown, where: string): PoolSettings['config'] {
  return objectAt(value ?? {}, where);
}

function objectAt(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw wrong(`${where} must be an object`);
}

function filesAt(files: unknown): PoolFile[] {
  if (!Array.isArray(files)) throw wrong('genericWorker.files of the worker pool must be a list');
  return files.map((file: unknown, index) => {
    if (isPoolFile(file)) return file;
    throw wrong(
      `genericWorker.files[${index}] of the worker pool must have path, content, encoding "base64", and format "file" or "zip"`,
    );
  });
}

function wrong(message: string): RegistrationError {
  return new RegistrationError('configuration', message);
}
