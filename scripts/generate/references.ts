import { GenerateFailure } from './failure.ts';
import {
  readApi,
  readExchanges,
  readManifest,
  type ApiEntry,
  type ExchangeEntry,
} from './reference-shape.ts';
import { loadSchemas, localPath, type Schemas } from './schemas.ts';
import { SERVICE_CALLS } from './services.ts';
import type { Source } from './source.ts';

/** An exchange with its full name. Its schema is a path below `schemas/`. */
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

/** A call of a service's API. Its schemas are paths below `schemas/`. */
export type Call = ApiEntry;

/** The part of a service's API that is generated. */
export interface Api {
  /** As Taskcluster writes it: `worker-manager`. */
  readonly name: string;
  readonly calls: readonly Call[];
}

/** The input of the generator. Each list is sorted by name. */
export interface References {
  readonly services: readonly Service[];
  /** The queue's API comes first. */
  readonly apis: readonly Api[];
  readonly schemas: Schemas;
}

/**
 * Reads the exchanges of every service in the manifest, the queue's API, the required parts of the other services'
 * APIs, and all their schemas.
 *
 * @throws GenerateFailure when a document is missing or does not have Taskcluster's format
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

  const callsOf = async (service: string, wanted?: readonly string[]): Promise<Call[]> => {
    const path = apiPath(service);
    const { entries } = readApi(await source.read(path), path);
    const missing = wanted?.find(name => !entries.some(entry => entry.name === name));
    if (missing !== undefined) throw new GenerateFailure(`${path} has no call ${missing}`);
    return byName(entries)
      .filter(({ name }) => wanted?.includes(name) ?? true)
      .map(({ input, output, ...call }) => ({
        ...call,
        ...(input !== undefined && { input: schemaOf(service, input) }),
        ...(output !== undefined && { output: schemaOf(service, output) }),
      }));
  };
  const apis: Api[] = [{ name: 'queue', calls: await callsOf('queue') }];
  const listed = await manifest(source);
  for (const [name, wanted] of SERVICE_CALLS) {
    if (listed.includes(apiPath(name))) apis.push({ name, calls: await callsOf(name, wanted) });
  }

  return { services: byName(services), apis, schemas: await loadSchemas(source, roots) };
}

const MANIFEST = '/references/manifest.json';

async function manifest(source: Source): Promise<readonly string[]> {
  return readManifest(await source.read(MANIFEST), MANIFEST).references;
}

function apiPath(service: string): string {
  return `/references/${service}/v1/api.json`;
}

async function exchangesPaths(source: Source): Promise<string[]> {
  const paths = (await manifest(source)).filter(reference =>
    /^\/references\/[a-z0-9-]+\/v1\/exchanges\.json$/.test(reference),
  );
  if (paths.length === 0) throw new GenerateFailure(`${MANIFEST} lists no exchanges`);
  return paths;
}

function byName<T extends { readonly name: string }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => (a.name < b.name ? -1 : 1));
}
