import fc from 'fast-check';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const tagged = (type: string, values: fc.Arbitrary<unknown>) => values.map(value => ({ '!': type, value }));
const finite = { noNaN: true, noDefaultInfinity: true };

/** Headers that may be published, of every type. */
export const { table: sendableHeaders } = fc.letrec<{ value: unknown; table: Record<string, unknown> }>(
  tie => ({
    value: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      fc.integer(),
      fc.maxSafeInteger(),
      fc.double(finite),
      fc.double({ ...finite, min: 2 ** 50, max: 2 ** 53 }),
      int64,
      fc.string({ unit: 'grapheme' }),
      fc.boolean(),
      fc.constant(null),
      fc.uint8Array(),
      fc.date({ min: new Date(0), noInvalidDate: true }),
      tagged('int8', fc.integer({ min: -128, max: 127 })),
      tagged('unsignedbyte', fc.nat(255)),
      tagged('short', fc.integer({ min: -32_768, max: 32_767 })),
      tagged('uint16', fc.nat(65_535)),
      tagged('uint32', fc.nat(2 ** 32 - 1)),
      tagged('int64', int64),
      tagged('float', fc.float(finite)),
      tagged('timestamp', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      tagged('decimal', fc.record({ places: fc.nat(255), digits: fc.nat(2 ** 32 - 1) })),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('table'),
    ),
    table: fc.dictionary(
      fc.string({ unit: 'grapheme', maxLength: 20 }).filter(name => name !== '!'),
      tie('value'),
      {
        maxKeys: 6,
      },
    ),
  }),
);
