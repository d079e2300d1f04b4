import { pascalCase, typeName } from './names.ts';
import { typescript } from './output.ts';
import type { Exchange, Service } from './references.ts';
import type { Schemas } from './schemas.ts';
import { declareTypes } from './types.ts';

/** The TypeScript of one service's exchanges, and the names of the message types it exports. */
interface ExchangesModule {
  readonly content: string;
  readonly typeNames: ReadonlySet<string>;
}

/**
 * Writes a service's module: the types of its messages, an interface that says which exchange has which, and the
 * references of its exchanges as the default export.
 */
export async function exchangesModule(service: Service, schemas: Schemas): Promise<ExchangesModule> {
  const { declarations } = await declareTypes(
    schemas,
    service.exchanges.map(({ schema }) => schema),
  );
  const messages = service.exchanges.map(({ name, schema }) => `  ${name}: ${typeName(schema)};`);
  const content = await typescript(`
    import type { ExchangeReference } from '../exchange.ts';

    ${[...declarations.values()].join('\n\n')}

    export interface ${pascalCase(service.name)}Messages {
      ${messages.join('\n')}
    }

    export default {
      ${service.exchanges.map(entry).join('\n')}
    } as const satisfies Readonly<Record<string, ExchangeReference>>;
  `);
  return { content, typeNames: new Set(declarations.keys()) };
}

function entry({ name, exchange, schema, routingKey }: Exchange): string {
  // Only what is used goes in, whatever else the reference says of a part.
  const parts = routingKey.map(({ name, constant, required, multipleWords }) =>
    JSON.stringify({ name, constant, required, multipleWords }),
  );
  return `${name}: {
    exchange: ${JSON.stringify(exchange)},
    schema: ${JSON.stringify(schema)},
    routingKey: [
      ${parts.join(',\n')}
    ],
  },`;
}
