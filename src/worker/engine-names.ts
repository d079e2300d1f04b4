import type { WorkerConfig } from './config/index.ts';
import type { FormatName } from './task-spec.ts';

export type EngineName = 'native' | 'user' | 'docker' | 'script';

const FORMATS: Readonly<Record<EngineName, FormatName>> = {
  native: 'generic-worker',
  user: 'generic-worker',
  docker: 'docker-worker',
  script: 'script',
};

/** What of a configuration decides how tasks are run. */
export type EngineConfig = Pick<
  WorkerConfig,
  'engine' | 'headlessTasks' | 'd2gConfig' | 'disableNativePayloads'
>;

/**
 * The engines of a worker, by name. Without the property `engine`, they are those whose work a worker with generic-worker's
 * configuration does: containers where `d2gConfig` allows payloads of docker-worker, and a user for each task where root runs
 * tasks without a desktop.
 */
export function engineNames(config: EngineConfig): readonly EngineName[] {
  if (config.engine !== undefined) return config.engine.split(',') as EngineName[];
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const usual: EngineName = config.headlessTasks === true && isRoot ? 'user' : 'native';
  if (config.d2gConfig.enableD2G !== true) return [usual];
  return config.disableNativePayloads ? ['docker'] : [usual, 'docker'];
}

/** The payload formats that a worker takes whose engines run these. */
export function formatsTaken(
  formats: readonly FormatName[],
  { disableNativePayloads }: Pick<EngineConfig, 'disableNativePayloads'>,
): readonly FormatName[] {
  return formats.filter(format => format !== 'generic-worker' || !disableNativePayloads);
}

/** The same, of a worker that has not been started. */
export function formatsOf(config: EngineConfig): readonly FormatName[] {
  return formatsTaken([...new Set(engineNames(config).map(name => FORMATS[name]))], config);
}
