import type { WorkerConfig } from './config/index.ts';
import { formatsOf } from './engine-names.ts';
import { FEATURES, isEnabled, type FeatureModule } from './features/index.ts';
import { payloadsOf, scriptFormat, type Payloads } from './payloads/index.ts';
import type { FormatName } from './task-spec.ts';

/** The payload formats that tcw's engines take. */
const FORMATS: readonly FormatName[] = ['generic-worker', 'docker-worker'];

/**
 * The JSON schema (draft-07) of payloads: of one format, or of everything that is taken.
 *
 * @param config of the worker whose payloads are meant: those of its engine, without what its pool forbids. Without it, the
 * schema is that of everything that tcw takes
 * @throws Error when two features claim the same property, or no payload of the format is taken
 */
export function payloadSchema(
  format?: FormatName,
  features: readonly FeatureModule[] = FEATURES,
  config?: WorkerConfig,
): object {
  const payloads = config
    ? payloadsOfWorker(
        formatsOf(config),
        features.filter(feature => isEnabled(feature, config)),
        config,
      )
    : payloadsOf(FORMATS, features);
  return payloads.schema(format);
}

/**
 * What reads the payloads of one worker.
 *
 * @throws Error when a format is configured wrongly, or two features claim the same property
 */
export function payloadsOfWorker(
  formats: readonly FormatName[],
  features: readonly FeatureModule[],
  config: WorkerConfig,
): Payloads {
  if (formats.length === 0)
    throw new Error(
      'disableNativePayloads: no payloads are left that this engine takes. Set engine to docker, or leave one of the two out.',
    );
  return payloadsOf(formats, features, formats.includes('script') ? [scriptFormat(config)] : []);
}
