import { GenerateFailure } from './failure.ts';
import {
  readApi,
  readExchanges,
  readManifest,
  type ApiEntry,
  type ExchangeEntry,
} from './reference-shape.ts';
import { loadSchemas, localPath, type Schemas } from './schemas.ts';
import type { Source } from './source.ts';

/** An exchange by its full name, its schema as a path below `schemas/`. */
export interface Exchange {
  readonly name: string;
  readonly exchange: string;
  readonly schema: string;
  readonly routingKey: ExchangeEntry['routingKey'];
}

export interface Service {
  /** As Taskcluster writes it: `worker-manager`. */
  readonly name: string;
  readonly exchanges: readonly Exchange[];
}

/** A call of the queue's API, its schemas as paths below `schemas/`. */
export type Call = ApiEntry;

/** All that is generated from, each list sorted by name. */
export interface References {
  readonly services: readonly Service[];
  readonly calls: readonly Call[];
  readonly schemas: Schemas;
}

/**
 * Reads the exchanges of every service that the manifest lists, the queue's API, and the schemas of both.
 *
 * @throws GenerateFailure when one is missing or has another form than Taskcluster gives it
 */
export async function loadReferences(source: Source): Promise<References> {
  const roots = new Set<string>();
  const schemaOf = (service: string, reference: string): string => {
    const { path } = source.resolve(reference, `/schemas/${service}/`);
    roots.add(path);
    return localPath(path);
  };

  const services: Service[] = [];
  for (const path of await exchangesPaths(source)) {
    const { serviceName, exchangePrefix, entries } = readExchanges(await source.read(path), path);
    const exchanges = entries.map(({ name, exchange, routingKey, schema }) => {
      if (routingKey.slice(0, -1).some(part => part.multipleWords)) {
        throw new GenerateFailure(`${path}: in ${name}, a part of several words is not the last of the key`);
      }
      return { name, exchange: exchangePrefix + exchange, schema: schemaOf(serviceName, schema), routingKey };
    });
    services.push({ name: serviceName, exchanges: byName(exchanges) });
  }

  const path = '/references/queue/v1/api.json';
  const calls = readApi(await source.read(path), path).entries.map(({ input, output, ...call }) => ({
    ...call,
    ...(input !== undefined && { input: schemaOf('queue', input) }),
    ...(output !== undefined && { output: schemaOf('queue', output) }),
  }));

  return { services: byName(services), calls: byName(calls), schemas: await loadSchemas(source, roots) };
}

async function exchangesPaths(source: Source): Promise<string[]> {
  const path = '/references/manifest.json';
  const { references } = readManifest(await source.read(path), path);
  const paths = references.filter(reference =>
    /^\/references\/[a-z0-9-]+\/v1\/exchanges\.json$/.test(reference),
  );
  if (paths.length === 0) throw new GenerateFailure(`${path} lists no exchanges`);
  return paths;
}

function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
}
