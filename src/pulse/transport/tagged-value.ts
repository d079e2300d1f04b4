/** A header value with an explicit type, which is given by amqplib's name. */
export interface Tagged {
  readonly '!': unknown;
  readonly value?: unknown;
}

const integers: Readonly<Record<string, readonly [signed: boolean, bytes: number]>> = {
  ...{ byte: [true, 1], int8: [true, 1], unsignedbyte: [false, 1], uint8: [false, 1] },
  ...{ short: [true, 2], int16: [true, 2], unsignedshort: [false, 2], uint16: [false, 2] },
  ...{ int: [true, 4], int32: [true, 4], unsignedint: [false, 4], uint32: [false, 4] },
  ...{ long: [true, 8], int64: [true, 8], timestamp: [false, 8] },
};

/**
 * Checks that a value fits its type.
 *
 * @returns the value for amqplib and its size in bytes, or a description of the problem
 */
export function taggedValue({ '!': type, value }: Tagged): { tagged: Tagged; bytes: number } | string {
  const fits = (bytes: number) => ({ tagged: { '!': type, value }, bytes });
  if (typeof type !== 'string') return 'of a type without a name';
  if (type === 'double' || type === 'float64' || type === 'float') {
    const written = type === 'float' ? Math.fround(value as number) : value;
    return Number.isFinite(written) ? fits(type === 'float' ? 4 : 8) : `not a valid ${type}`;
  }
  if (type === 'decimal') {
    const { places, digits } = Object(value) as { places?: unknown; digits?: unknown };
    return isInteger(places, false, 1) && isInteger(digits, false, 4) ? fits(5) : 'not a valid decimal';
  }
  if (!Object.hasOwn(integers, type)) return `of the unknown type ${JSON.stringify(type.slice(0, 40))}`;
  const [signed, bytes] = integers[type] ?? [true, 8];
  if (isInteger(value, signed, bytes)) return fits(bytes);
  return typeof value === 'bigint' ? `not an integer of ${8 * bytes} bits` : `not a valid ${type}`;
}

/** Whether a value is an integer of the given size. amqplib accepts bigints only for eight bytes. */
function isInteger(value: unknown, signed: boolean, bytes: number): boolean {
  if (typeof value !== 'bigint' && !Number.isInteger(value)) return false;
  if (typeof value === 'bigint' && bytes < 8) return false;
  const integer = BigInt(value as bigint | number);
  return integer === (signed ? BigInt.asIntN(8 * bytes, integer) : BigInt.asUintN(8 * bytes, integer));
}
