import type { WorkerConfig } from './config/index.ts';
import { formatsOf } from './engine-names.ts';
import { FEATURES, isEnabled, type FeatureModule } from './features/index.ts';
import { payloadsOf, scriptFormat, type Payloads } from './payloads/index.ts';
import type { FormatName } from './task-spec.ts';

/** The payload formats of tcw's engines. */
const FORMATS: readonly FormatName[] = ['generic-worker', 'docker-worker'];

/**
 * Returns the JSON schema (draft-07) of payloads, either of one format or of every accepted format.
 *
 * @param config if given, the schema covers only payloads that this worker's engines accept and its pool allows
 * @throws Error when two features claim the same property, or when no engine accepts the format
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
 * Returns the reader for the payloads that a worker accepts.
 *
 * @throws Error when a format is misconfigured, or two features claim the same property
 */
export function payloadsOfWorker(
  formats: readonly FormatName[],
  features: readonly FeatureModule[],
  config: WorkerConfig,
): Payloads {
  if (formats.length === 0)
    throw new Error(
      'disableNativePayloads: this engine accepts no other payloads. Set engine to docker, or remove one of the two.',
    );
  return payloadsOf(formats, features, formats.includes('script') ? [scriptFormat(config)] : []);
}
