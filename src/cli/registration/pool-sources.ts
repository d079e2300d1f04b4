import { mergeSettings, type PoolConfiguration } from '../../pool/index.ts';
import { objectSource } from '../config/sources/object-source.ts';
import type { Setting, Source } from '../config/source.ts';

/**
 * Makes one source from the settings of a worker pool: its workerConfig, with its secrets merged over it as
 * worker-runner does. The place of each property is the uppermost layer that sets it. Values from a secret are never
 * shown, because the errors reported to the pool's owner are public.
 */
export function poolSource(workerPoolId: string, { config, secrets }: PoolConfiguration): Source {
  const layers = [
    { place: `workerConfig of the worker pool ${workerPoolId}`, values: config },
    ...secrets.map(({ name, config: values }) => ({
      place: `secret ${name}`,
      isSecret: true as const,
      values,
    })),
  ];
  const merged = layers.reduce((lower, { values }) => mergeSettings(lower, values), {});
  const [lowest] = layers;
  const source = objectSource(merged, lowest?.place ?? '');
  const originOf = new Map(
    layers.flatMap(({ values, ...origin }) =>
      [...objectSource(values, origin.place).settings.keys()].map(name => [name, origin]),
    ),
  );
  const settings = [...source.settings].map(([name, setting]): [string, Setting] => [
    name,
    { ...setting, ...originOf.get(name) },
  ]);
  return { ...source, settings: new Map(settings) };
}
