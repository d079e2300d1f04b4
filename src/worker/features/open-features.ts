import { StartError } from '../start-error.ts';
import { configuredMethod, openExposure, tunnelMethod } from '../exposure/index.ts';
import type { GeneralConfig } from '../properties/index.ts';
import type { DownloadsConfig } from '../stores/worker-downloads.ts';
import type { FeatureModule, Properties, WorkerFeature, WorkerHost } from './feature.ts';

/** A worker with a configuration that has the properties of several features. */
type AnyWorker = Omit<WorkerHost, 'config' | 'downloads' | 'exposure'> & { readonly config: GeneralConfig };

/** A feature that serves a worker. */
export interface OpenFeature {
  readonly name: string;
  readonly feature: WorkerFeature;
  /** Whether the pool allows the feature. */
  readonly isEnabled: boolean;
}

/** The features of one worker, in the order of their list. */
export interface OpenFeatures extends AsyncDisposable {
  readonly all: readonly OpenFeature[];
}

/**
 * Opens all features of a worker. If one cannot be opened, those that are already open are closed.
 *
 * @throws Error with the feature's name and the problem
 */
export async function openFeatures(
  modules: readonly FeatureModule[],
  worker: AnyWorker,
): Promise<OpenFeatures> {
  await using opening = new AsyncDisposableStack();
  // Loaded by workers only, not with the configuration.
  const { workerDownloads } = await import('../stores/worker-downloads.ts');
  const downloads = opening.use(workerDownloads(downloadsConfig(modules, worker), worker));
  const exposure = opening.use(openExposure(tunnelMethod(worker) ?? configuredMethod(worker.config)));
  const all: OpenFeature[] = [];
  for (const module of modules) {
    const feature = await opened(module, { ...worker, downloads: downloads.get, exposure: () => exposure });
    opening.defer(() => feature[Symbol.asyncDispose]?.());
    all.push({ name: module.name, feature, isEnabled: isEnabled(module, worker.config) });
  }
  const open = opening.move();
  return { all, [Symbol.asyncDispose]: () => open[Symbol.asyncDispose]() };
}

/** Whether a pool allows a feature. */
export function isEnabled({ enabledBy }: Pick<FeatureModule, 'enabledBy'>, config: GeneralConfig): boolean {
  const values = config as unknown as Readonly<Record<string, unknown>>;
  return enabledBy === undefined || values[enabledBy] !== false;
}

async function opened(
  module: FeatureModule,
  worker: AnyWorker & Pick<WorkerHost, 'downloads' | 'exposure'>,
): Promise<WorkerFeature> {
  try {
    // A worker's configuration has the properties of all features.
    const config = { ...defaultsOf(module.properties ?? {}), ...worker.config };
    return await module.open({ ...worker, config } as unknown as WorkerHost);
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new Error(`${module.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** The folder for downloads is a property of a feature. */
function downloadsConfig(modules: readonly FeatureModule[], { config }: AnyWorker): DownloadsConfig {
  const defaults = defaultsOf(
    Object.assign({}, ...modules.map(({ properties }) => properties)) as Properties,
  );
  return { ...defaults, ...config } as unknown as DownloadsConfig;
}

/** The configuration may lack properties of a feature that the embedding program has added. */
function defaultsOf(properties: Properties): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) =>
      property.default === undefined ? [] : [[name, property.default]],
    ),
  );
}
