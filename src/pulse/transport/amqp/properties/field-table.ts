import { MAX_DEPTH, setEntry } from '../../header-table.ts';
import { UnreadableError, type ByteReader } from './byte-reader.ts';

type Table = Record<string, unknown>;

/**
 * Reads an AMQP table with every type that RabbitMQ accepts from a publisher. 64-bit integers are numbers if that is
 * exact, and bigints otherwise. Timestamps and decimals have amqplib's form: `{ '!': 'timestamp', value }`.
 *
 * amqplib's own reader throws for the type `L`, rounds integers, and reads past the end of a table.
 *
 * @throws UnreadableError
 */
export function readTable(from: ByteReader, depth = 0): Table {
  if (depth > MAX_DEPTH) throw new UnreadableError(`they are nested more than ${MAX_DEPTH} deep`);
  return from.within(() => {
    const table: Table = {};
    while (!from.done) {
      setEntry(table, from.shortString(), readValue(from, depth));
    }
    return table;
  });
}

function readArray(from: ByteReader, depth: number): unknown[] {
  if (depth > MAX_DEPTH) throw new UnreadableError(`they are nested more than ${MAX_DEPTH} deep`);
  return from.within(() => {
    const values: unknown[] = [];
    while (!from.done) values.push(readValue(from, depth));
    return values;
  });
}

/**
 * Reads one value. The type letters are RabbitMQ's (https://www.rabbitmq.com/amqp-0-9-1-errata); the AMQP spec has
 * others.
 */
export function readValue(from: ByteReader, depth = 0): unknown {
  const tag = String.fromCharCode(from.uint8());
  switch (tag) {
    case 'S':
      return from.longString();
    case 'x':
      return from.bytes();
    case 't':
      return from.uint8() !== 0;
    case 'V':
      return null;
    case 'b':
      return from.int8();
    case 'B':
      return from.uint8();
    case 's':
      return from.int16();
    case 'u':
      return from.uint16();
    case 'I':
      return from.int32();
    case 'i':
      return from.uint32();
    case 'l':
    case 'L':
      return from.int64();
    case 'f':
      return from.float();
    case 'd':
      return from.double();
    case 'T':
      return { '!': 'timestamp', value: from.uint64() };
    case 'D':
      return { '!': 'decimal', value: { places: from.uint8(), digits: from.uint32() } };
    case 'F':
      return readTable(from, depth + 1);
    case 'A':
      return readArray(from, depth + 1);
    default:
      throw new UnreadableError(`a header has the unknown type ${JSON.stringify(tag)}`);
  }
}
