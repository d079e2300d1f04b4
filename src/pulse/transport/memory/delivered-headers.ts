import { setEntry } from '../header-table.ts';

/**
 * Converts headers to the form in which a consumer receives them from RabbitMQ. Type tags that only choose the
 * encoding of a number are removed, and a 64-bit integer is a number if that is exact.
 */
export function deliveredHeaders(headers: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const delivered: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) setEntry(delivered, name, deliveredValue(value));
  return delivered;
}

function deliveredValue(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return exact(value);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return value.map(deliveredValue);
  if (!Object.hasOwn(value, '!')) return deliveredHeaders(value as Record<string, unknown>);
  const { '!': type, value: number } = value as { '!': string; value: number | bigint };
  switch (type) {
    case 'decimal':
      return value;
    case 'timestamp':
      return { '!': type, value: exact(number) };
    case 'float':
      return Math.fround(number as number);
    case 'double':
    case 'float64':
      return number;
    default:
      return exact(number);
  }
}

/** A whole number beyond the exact range of a number arrives as a bigint. From 2^63 on, it is sent as a double. */
function exact(value: number | bigint): number | bigint {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= 2 ** 63
    ? BigInt(value)
    : value;
}
