import { PulseError } from '../errors.ts';
import { checkShortString } from './short-string.ts';
import { taggedValue, type Tagged } from './tagged-value.ts';

/** How deep tables and arrays may lie in each other. Deeper, whoever walks through them would run out of stack. */
export const MOST_NESTED = 100;
/** The room that amqplib has for the headers of a message, in bytes of the wire. */
const MOST_BYTES = 65_536;
const INT64 = { min: -(2 ** 63), end: 2 ** 63 };

/** An array of the name `CC`, beside what is in it. */
const CC_BYTES = 8;

type Table = Record<string, unknown>;

/** Headers as amqplib writes them without loss, and how many bytes they take on the wire. */
interface HeaderTable {
  readonly table: Table;
  readonly bytes: number;
}

/**
 * Checks headers before anything is sent, and says of each value how it is to be written: RabbitMQ ends the whole connection
 * over some that amqplib would send (`Infinity`), and of others amqplib makes something else (a `Date`, a `Map`).
 *
 * - Whole numbers and bigints are integers of up to 64 bits, all other numbers doubles.
 * - A `Date` is a timestamp, which AMQP counts in whole seconds. Bytes stay bytes. `undefined` in an object is left out.
 * - `{ '!': type, value }` says the type by amqplib's name for it: `{ '!': 'int8', value: 7 }`.
 *
 * @param routes further routing keys, which travel among the headers
 * @throws PulseError `invalid`, with the place of what AMQP cannot say
 */
export function headerTable(headers: object, routes: readonly string[] = []): HeaderTable {
  const writer = new TableWriter();
  try {
    if (typeof headers !== 'object' || Array.isArray(headers)) throw new Unsayable('not an object');
    if (routes.length > 0) writer.take(CC_BYTES);
    for (const route of routes) writer.take(5 + Buffer.byteLength(route));
    const table = writer.table(headers, 0);
    return { table, bytes: writer.bytes };
  } catch (error) {
    if (error instanceof PulseError) throw error;
    if (error instanceof Unsayable) throw error.error;
    // A getter, or a proxy, of the caller's.
    throw new PulseError('invalid', `reading the headers failed: ${String(error)}`, { cause: error });
  }
}

/** Adds an entry of any name: assigned, `__proto__` would be no entry but what the table inherits from. */
export function setEntry(table: Table, name: string, value: unknown): void {
  if (name !== '__proto__') table[name] = value;
  else Object.defineProperty(table, name, { value, enumerable: true, configurable: true, writable: true });
}

/** A value that AMQP has no type for. Its place is put together only when there is one. */
class Unsayable extends Error {
  #place = '';

  under(step: string): this {
    this.#place = step + this.#place;
    return this;
  }

  get error(): PulseError {
    const place = shortened(`headers${this.#place}`);
    return new PulseError('invalid', `${place} is ${this.message}: AMQP cannot carry it in a header`);
  }
}

class TableWriter {
  bytes = 0;

  take(bytes: number): void {
    this.bytes += bytes;
    if (this.bytes <= MOST_BYTES) return;
    throw new PulseError('invalid', `the headers are too long: they may take ${MOST_BYTES} bytes together`);
  }

  table(given: object, depth: number): Table {
    if (depth > MOST_NESTED) throw new Unsayable(`nested more than ${MOST_NESTED} deep`);
    this.take(4);
    const table: Table = {};
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      checkShortString(name, 'the name of a header');
      this.take(1 + Buffer.byteLength(name));
      try {
        setEntry(table, name, this.#value(value, depth));
      } catch (error) {
        throw error instanceof Unsayable ? error.under(`.${name}`) : error;
      }
    }
    return table;
  }

  #value(value: unknown, depth: number): unknown {
    this.take(1);
    switch (typeof value) {
      case 'string':
        if (!value.isWellFormed()) throw new Unsayable('not well-formed Unicode');
        this.take(4 + Buffer.byteLength(value));
        return value;
      case 'number':
        return this.#number(value);
      case 'bigint':
        return this.#tagged({ '!': 'int64', value });
      case 'boolean':
        this.take(1);
        return value;
      case 'object':
        return value === null ? null : this.#object(value, depth);
      default:
        throw new Unsayable(typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
    }
  }

  #number(value: number): unknown {
    if (!Number.isFinite(value)) throw new Unsayable(String(value));
    // amqplib takes every number from 2^50 on for an integer, and -0 for 0.
    const isInteger = Number.isInteger(value) && !Object.is(value, -0);
    if (isInteger && value >= INT64.min && value < INT64.end) {
      this.take(integerBytes(value));
      return value;
    }
    this.take(8);
    return { '!': 'double', value };
  }

  #object(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#array(value, depth + 1);
    if (value instanceof Uint8Array) {
      this.take(4 + value.byteLength);
      // A copy, for the caller may use the bytes again before they are sent.
      return Buffer.from(value);
    }
    if (value instanceof Date) return this.#date(value);
    if (Object.hasOwn(value, '!')) return this.#tagged(value as Tagged);
    const prototype: unknown = Object.getPrototypeOf(value);
    // Objects of another realm are objects like any other.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw new Unsayable(`a ${value.constructor.name}`);
    }
    return this.table(value, depth + 1);
  }

  #array(values: readonly unknown[], depth: number): unknown[] {
    if (depth > MOST_NESTED) throw new Unsayable(`nested more than ${MOST_NESTED} deep`);
    this.take(4);
    // Not `map`, which leaves holes as they are.
    return Array.from(values, (value, index) => {
      try {
        return this.#value(value, depth);
      } catch (error) {
        throw error instanceof Unsayable ? error.under(`[${index}]`) : error;
      }
    });
  }

  #date(date: Date): unknown {
    const seconds = Math.floor(date.getTime() / 1_000);
    if (Number.isNaN(seconds)) throw new Unsayable('an invalid date');
    if (seconds < 0) throw new Unsayable('a date before 1970');
    return this.#tagged({ '!': 'timestamp', value: seconds });
  }

  #tagged(tagged: Tagged): unknown {
    const written = taggedValue(tagged);
    if (typeof written === 'string') throw new Unsayable(written);
    this.take(written.bytes);
    return written.tagged;
  }
}

/** How long amqplib makes an integer. */
function integerBytes(value: number): number {
  if (value >= -0x80 && value < 0x80) return 1;
  if (value >= -0x8000 && value < 0x8000) return 2;
  return value >= -0x80000000 && value < 0x80000000 ? 4 : 8;
}

/** The end of a long place tells more than its middle. */
function shortened(place: string): string {
  return place.length <= 120 ? place : `${place.slice(0, 40)}…${place.slice(-40)}`;
}
