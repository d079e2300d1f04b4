import { PulseError } from '../errors.ts';
import { checkShortString } from './short-string.ts';
import { taggedValue, type Tagged } from './tagged-value.ts';

/** How deep tables and arrays may be nested. Deeper nesting could overflow the stack of recursive code. */
export const MAX_DEPTH = 100;
/** The size of amqplib's buffer for the headers of a message, in bytes on the wire. */
const MAX_BYTES = 65_536;
const INT64 = { min: -(2 ** 63), end: 2 ** 63 };

/** The overhead of an array with the name `CC`, in bytes. */
const CC_BYTES = 8;

type Table = Record<string, unknown>;

/** Headers in a form that amqplib writes without loss, and their size on the wire. */
interface HeaderTable {
  readonly table: Table;
  readonly bytes: number;
}

/**
 * Checks headers before anything is sent, and determines the encoding of each value. Otherwise, amqplib would send
 * some values for which RabbitMQ closes the whole connection (`Infinity`), and would change others (a `Date`, a
 * `Map`).
 *
 * - Whole numbers and bigints become integers of up to 64 bits, all other numbers become doubles.
 * - A `Date` becomes a timestamp in whole seconds, as in AMQP. Bytes stay bytes. `undefined` in an object is left
 *   out.
 * - `{ '!': type, value }` sets the type by amqplib's name for it: `{ '!': 'int8', value: 7 }`.
 *
 * @param routes additional routing keys, which are sent among the headers
 * @throws PulseError `invalid`, with the path of a value that AMQP cannot represent
 */
export function headerTable(headers: object, routes: readonly string[] = []): HeaderTable {
  const writer = new TableWriter();
  try {
    if (typeof headers !== 'object' || Array.isArray(headers)) throw new UnsupportedValue('not an object');
    if (routes.length > 0) writer.take(CC_BYTES);
    for (const route of routes) writer.take(5 + Buffer.byteLength(route));
    const table = writer.table(headers, 0);
    return { table, bytes: writer.bytes };
  } catch (error) {
    if (error instanceof PulseError) throw error;
    if (error instanceof UnsupportedValue) throw error.error;
    // The caller's object may contain a getter or a proxy that throws.
    throw new PulseError('invalid', `reading the headers failed: ${String(error)}`, { cause: error });
  }
}

/** Adds an entry with any name. A plain assignment to `__proto__` would change the table's prototype instead. */
export function setEntry(table: Table, name: string, value: unknown): void {
  if (name !== '__proto__') table[name] = value;
  else Object.defineProperty(table, name, { value, enumerable: true, configurable: true, writable: true });
}

/** A value that has no AMQP type. Its path is assembled only when this error occurs. */
class UnsupportedValue extends Error {
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
    if (this.bytes <= MAX_BYTES) return;
    throw new PulseError('invalid', `the headers are too long: they may take ${MAX_BYTES} bytes together`);
  }

  table(given: object, depth: number): Table {
    if (depth > MAX_DEPTH) throw new UnsupportedValue(`nested more than ${MAX_DEPTH} deep`);
    this.take(4);
    const table: Table = {};
    for (const [name, value] of Object.entries(given)) {
      if (value === undefined) continue;
      checkShortString(name, 'the name of a header');
      this.take(1 + Buffer.byteLength(name));
      try {
        setEntry(table, name, this.#value(value, depth));
      } catch (error) {
        throw error instanceof UnsupportedValue ? error.under(`.${name}`) : error;
      }
    }
    return table;
  }

  #value(value: unknown, depth: number): unknown {
    this.take(1);
    switch (typeof value) {
      case 'string':
        if (!value.isWellFormed()) throw new UnsupportedValue('not well-formed Unicode');
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
        throw new UnsupportedValue(typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`);
    }
  }

  #number(value: number): unknown {
    if (!Number.isFinite(value)) throw new UnsupportedValue(String(value));
    // amqplib treats every number from 2^50 on as an integer, and -0 as 0.
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
      // A copy, because the caller may reuse the bytes before they are sent.
      return Buffer.from(value);
    }
    if (value instanceof Date) return this.#date(value);
    if (Object.hasOwn(value, '!')) return this.#tagged(value as Tagged);
    const prototype: unknown = Object.getPrototypeOf(value);
    // This also accepts plain objects of another realm.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      throw new UnsupportedValue(`a ${value.constructor.name}`);
    }
    return this.table(value, depth + 1);
  }

  #array(values: readonly unknown[], depth: number): unknown[] {
    if (depth > MAX_DEPTH) throw new UnsupportedValue(`nested more than ${MAX_DEPTH} deep`);
    this.take(4);
    // Not `map`, which skips holes.
    return Array.from(values, (value, index) => {
      try {
        return this.#value(value, depth);
      } catch (error) {
        throw error instanceof UnsupportedValue ? error.under(`[${index}]`) : error;
      }
    });
  }

  #date(date: Date): unknown {
    const seconds = Math.floor(date.getTime() / 1_000);
    if (Number.isNaN(seconds)) throw new UnsupportedValue('an invalid date');
    if (seconds < 0) throw new UnsupportedValue('a date before 1970');
    return this.#tagged({ '!': 'timestamp', value: seconds });
  }

  #tagged(tagged: Tagged): unknown {
    const written = taggedValue(tagged);
    if (typeof written === 'string') throw new UnsupportedValue(written);
    this.take(written.bytes);
    return written.tagged;
  }
}

/** The number of bytes in which amqplib writes an integer. */
function integerBytes(value: number): number {
  if (value >= -0x80 && value < 0x80) return 1;
  if (value >= -0x8000 && value < 0x8000) return 2;
  return value >= -0x80000000 && value < 0x80000000 ? 4 : 8;
}

/** Shortens a long path in its middle, because its end is more informative. */
function shortened(place: string): string {
  return place.length <= 120 ? place : `${place.slice(0, 40)}…${place.slice(-40)}`;
}
