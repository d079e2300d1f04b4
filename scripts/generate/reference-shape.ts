import { Ajv } from 'ajv';

import { GenerateFailure } from './failure.ts';

/** `references/manifest.json`: the list of reference documents. */
interface Manifest {
  references: string[];
}

/** The parts of `references/<service>/v1/exchanges.json` that are used. */
interface ExchangesReference {
  serviceName: string;
  apiVersion: string;
  exchangePrefix: string;
  entries: ExchangeEntry[];
}

/** One part of a routing key. */
export interface RoutingKeyPart {
  name: string;
  constant?: string;
  required: boolean;
  multipleWords: boolean;
}

export interface ExchangeEntry {
  name: string;
  exchange: string;
  schema: string;
  routingKey: RoutingKeyPart[];
}

/** The parts of `references/<service>/v1/api.json` that are used. */
interface ApiReference {
  serviceName: string;
  apiVersion: string;
  entries: ApiEntry[];
}

export interface ApiEntry {
  name: string;
  method: string;
  route: string;
  args: string[];
  query?: string[];
  input?: string;
  output?: string;
  scopes?: unknown;
}

// Names become identifiers and file names, so their form is checked before anything is written.
const identifier = { type: 'string', pattern: '^[a-zA-Z][a-zA-Z0-9]*$' };
const service = { type: 'string', pattern: '^[a-z][a-z0-9-]*$' };
const version = { type: 'string', pattern: '^v[0-9]+$' };
const text = { type: 'string' };
const flag = { type: 'boolean' };

const exchangeEntry = object(
  {
    name: identifier,
    exchange: text,
    schema: text,
    routingKey: list(object({ name: identifier, required: flag, multipleWords: flag }, { constant: text })),
  },
  {},
);

const apiEntry = object(
  { name: identifier, method: identifier, route: text, args: list(identifier) },
  { query: list(identifier), input: text, output: text },
);

/**
 * Each of these functions takes a document and its path, and throws a GenerateFailure if the document has another
 * shape.
 */
export const readManifest = shape<Manifest>(object({ references: list(text) }, {}));

export const readExchanges = shape<ExchangesReference>(
  object(
    { serviceName: service, apiVersion: version, exchangePrefix: text, entries: list(exchangeEntry) },
    {},
  ),
);

export const readApi = shape<ApiReference>(
  object({ serviceName: service, apiVersion: version, entries: list(apiEntry) }, {}),
);

function object(required: Record<string, object>, optional: Record<string, object>): object {
  return { type: 'object', required: Object.keys(required), properties: { ...required, ...optional } };
}

function list(items: object): object {
  return { type: 'array', items };
}

function shape<T>(schema: object): (document: unknown, path: string) => T {
  const validate = new Ajv().compile<T>(schema);
  return (document, path) => {
    if (validate(document)) return document;
    const [error] = validate.errors ?? [];
    throw new GenerateFailure(
      `${path}${error?.instancePath ?? ''} ${error?.message ?? 'is not a reference'}`,
    );
  };
}
