import { setEntry } from '../header-table.ts';

/**
 * Headers as a consumer gets them from RabbitMQ: what only says how a number is written has gone, and an integer of 64 bits
 * is a number where that is exact.
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

/** A whole number past what a number holds exactly arrives as a bigint. One from 2^63 on travels as a double. */
function exact(value: number | bigint): number | bigint {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) <= 2 ** 63
    ? BigInt(value)
    : value;
}
