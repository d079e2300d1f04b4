import { exchangeDescription, fieldDescription, typeDescription } from './descriptions.ts';
import { pascalCase, typeName } from './names.ts';
import { typescript } from './output.ts';
import type { RoutingKeyPart } from './reference-shape.ts';
import type { Exchange, Service } from './references.ts';
import type { Schemas } from './schemas.ts';
import { declareTypes, type Describe } from './types.ts';

/** The TypeScript of one service's exchanges, and the names of the message types it exports. */
interface ExchangesModule {
  readonly content: string;
  readonly typeNames: ReadonlySet<string>;
}

/**
 * Writes the module of a service: the types of its messages, an interface that assigns them to the exchanges, and the
 * references of its exchanges as the default export.
 */
export async function exchangesModule(service: Service, schemas: Schemas): Promise<ExchangesModule> {
  const { declarations } = await declareTypes(
    schemas,
    service.exchanges.map(({ schema }) => schema),
    new Set(),
    describing(service),
  );
  const messages = service.exchanges.map(
    exchange => `${docstring(service, exchange)}${exchange.name}: ${typeName(exchange.schema)};`,
  );
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

/** Returns the docstrings of a service's types. Those of whole messages name their exchanges. */
function describing({ exchanges }: Service): Describe {
  return (type, field) => {
    if (field !== undefined) return fieldDescription(type, field);
    const names = exchanges
      .filter(({ schema }) => typeName(schema) === type)
      .map(({ name }) => `\`${name}\``);
    if (names.length === 0) return typeDescription(type);
    return `The body of a message of ${names.join(', ').replace(/, (?=[^,]*$)/, ' or ')}.`;
  };
}

/** Describes when messages are published on an exchange, and its routing keys. */
function docstring({ name: service }: Service, { name, routingKey }: Exchange): string {
  const key = routingKey.map(shownPart).join('.');
  const lines = [exchangeDescription(service, name), `Routing key: \`${key}\`.`].filter(
    line => line !== undefined,
  );
  return `/**\n${lines.map(line => ` * ${line}\n`).join(' *\n')} */\n`;
}

/** Formats a part of a routing key. A part that may be unknown (`_`) has a question mark. */
function shownPart({ name, constant, required }: RoutingKeyPart): string {
  return constant ?? `<${name}${required ? '' : '?'}>`;
}

function entry({ name, exchange, schema, routingKey }: Exchange): string {
  // Only these properties are used, so any others in the reference are dropped.
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
