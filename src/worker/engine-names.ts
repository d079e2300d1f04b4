import type { WorkerConfig } from './config/index.ts';
import type { FormatName } from './task-spec.ts';

export type EngineName = 'native' | 'user' | 'docker' | 'script';

const FORMATS: Readonly<Record<EngineName, FormatName>> = {
  native: 'generic-worker',
  user: 'generic-worker',
  docker: 'docker-worker',
  script: 'script',
};

/** The properties that decide how tasks are run. */
export type EngineConfig = Pick<
  WorkerConfig,
  'engine' | 'headlessTasks' | 'd2gConfig' | 'disableNativePayloads'
>;

/**
 * Returns the names of a worker's engines. Without the property `engine`, they are the engines that do the work
 * of a worker with generic-worker's configuration: containers if `d2gConfig` allows docker-worker's payloads,
 * and a user for each task if root runs tasks without a desktop.
 */
export function engineNames(config: EngineConfig): readonly EngineName[] {
  if (config.engine !== undefined) return config.engine.split(',') as EngineName[];
  const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
  const usual: EngineName = config.headlessTasks === true && isRoot ? 'user' : 'native';
  if (config.d2gConfig.enableD2G !== true) return [usual];
  return config.disableNativePayloads ? ['docker'] : [usual, 'docker'];
}

/** Returns the payload formats that a worker accepts, given the formats of its engines. */
export function formatsTaken(
  formats: readonly FormatName[],
  { disableNativePayloads }: Pick<EngineConfig, 'disableNativePayloads'>,
): readonly FormatName[] {
  return formats.filter(format => format !== 'generic-worker' || !disableNativePayloads);
}

/** Returns the formats that a worker with this configuration would accept. */
export function formatsOf(config: EngineConfig): readonly FormatName[] {
  return formatsTaken([...new Set(engineNames(config).map(name => FORMATS[name]))], config);
}
