import { exchanges, type AnyExchange, type RoutingKeyPart } from '../../exchanges/index.ts';
import { printResult } from '../output/print-result.ts';
import { PULSE_EXIT_CODES } from '../words/exit-codes.ts';
import { suggestion } from '../../base/index.ts';
import { shortName } from './exchange-names.ts';
import { usageError } from './failure.ts';
import { printableJson } from './printable.ts';

export interface ExchangesOptions {
  readonly json?: true;
}

/**
 * `tcw pulse exchanges`: lists the catalogue, or the entries that match a word.
 *
 * @throws Failure 64 when nothing matches, 69 when the result cannot be written
 */
export async function listExchanges(filter: string | undefined, { json }: ExchangesOptions): Promise<number> {
  const found = exchanges.filter(exchange => filter === undefined || speaksOf(exchange, filter));
  if (found.length === 0) {
    throw usageError(
      `no exchange matches "${filter ?? ''}"${suggestion(filter ?? '', exchanges.map(shortName))}`,
    );
  }
  await printResult(
    'the exchanges',
    json ? `${printableJson(found.map(plain), 2)}\n` : `${found.map(paragraph).join('\n\n')}\n`,
  );
  return PULSE_EXIT_CODES.done.code;
}

function speaksOf(exchange: AnyExchange, filter: string): boolean {
  const texts = [shortName(exchange), exchange.exchange, ...exchange.routingKey.map(({ name }) => name)];
  return texts.some(text => text.toLowerCase().includes(filter.toLowerCase()));
}

function plain(found: AnyExchange) {
  const { service, exchange, schema, routingKey } = found;
  return { name: shortName(found), service, exchange, schema, routingKey };
}

function paragraph(exchange: AnyExchange): string {
  const { routingKey } = exchange;
  const width = Math.max(...routingKey.map(({ name }) => name.length));
  return [
    shortName(exchange),
    `  ${exchange.exchange}`,
    `  ${routingKey.map(written).join('.')}`,
    ...routingKey.map(part => `    ${part.name.padEnd(width)}  ${meaning(part)}`),
  ].join('\n');
}

/**
 * Formats a part of a routing key: a constant as it is, a required part in `<>`, and a part that may be `_` in `[]`.
 */
function written({ name, constant, required }: RoutingKeyPart): string {
  return constant ?? (required ? `<${name}>` : `[${name}]`);
}

function meaning({ constant, required, multipleWords }: RoutingKeyPart): string {
  if (constant !== undefined) return `always ${constant}`;
  const words = multipleWords ? 'any number of words' : 'one word';
  return required ? words : `${words}; _ if it is unknown`;
}
