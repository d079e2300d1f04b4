import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readProperties } from '../../../src/pulse/transport/amqp/properties/basic-properties.ts';
import { entry, field, FLAGS, longString, onlyHeaders, shortString, uint } from './frames.ts';

/** A value of a table: how it lies on the wire, and how it is read. */
type Written = readonly [bytes: Buffer, read: unknown];

const integer = (tag: string, bytes: 1 | 2 | 4, min: number, max: number) =>
  fc.integer({ min, max }).map((value): Written => [field(tag, uint(value, bytes)), value]);
const exact = (value: bigint) => (Number.isSafeInteger(Number(value)) ? Number(value) : value);
const long = (tag: string) =>
  fc
    .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    .map((n): Written => [field(tag, uint(n, 8)), exact(n)]);
const double = fc.double().map((value): Written => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return [field('d', bytes), value];
});
const float = fc.float().map((value): Written => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatBE(value);
  return [field('f', bytes), value];
});
const text = fc.string({ unit: 'grapheme' });
const timestamp = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((n): Written => [field('T', uint(n, 8)), { '!': 'timestamp', value: exact(n) }]);
const decimal = fc
  .tuple(fc.nat(255), fc.nat(2 ** 32 - 1))
  .map(([places, digits]): Written => [
    field('D', uint(places, 1), uint(digits, 4)),
    { '!': 'decimal', value: { places, digits } },
  ]);
const name = fc.string({ unit: 'grapheme', maxLength: 20 });

const { table } = fc.letrec<{ value: Written; table: Written }>(tie => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    integer('b', 1, -128, 127),
    integer('B', 1, 0, 255),
    integer('s', 2, -32_768, 32_767),
    integer('u', 2, 0, 65_535),
    integer('I', 4, -(2 ** 31), 2 ** 31 - 1),
    integer('i', 4, 0, 2 ** 32 - 1),
    ...[long('l'), long('L'), double, float, timestamp, decimal],
    fc.boolean().map((value): Written => [field('t', uint(value ? 1 : 0, 1)), value]),
    fc.constant<Written>([field('V'), null]),
    text.map((value): Written => [field('S', longString(value)), value]),
    fc.uint8Array().map((value): Written => [field('x', longString(value)), Buffer.from(value)]),
    fc
      .array(tie('value'), { maxLength: 5 })
      .map((values): Written => [
        field('A', longString(Buffer.concat(values.map(([bytes]) => bytes)))),
        values.map(([, read]) => read),
      ]),
    tie('table').map(([bytes, read]): Written => [field('F', longString(bytes)), read]),
  ),
  table: fc
    .uniqueArray(fc.tuple(name, tie('value')), { selector: ([key]) => key, maxLength: 6 })
    .map((entries): Written => [
      Buffer.concat(entries.map(([key, [bytes]]) => entry(key, bytes))),
      Object.fromEntries(entries.map(([key, [, read]]) => [key, read])),
    ]),
}));

describe('the properties of a message', () => {
  it('are read as they were written, with any headers', () => {
    fc.assert(
      fc.property(table, ([bytes, read]) => {
        expect(readProperties(onlyHeaders(bytes))).toEqual({ headers: read });
      }),
    );
  });

  it('are either read or reported as unreadable, with any bytes', () => {
    const any = fc.uint8Array({ maxLength: 200 });
    const flags = fc.integer({ min: 0, max: 0xffff }).map(word => uint(word, 2));
    const mangled = fc.tuple(table, fc.nat(), fc.nat(255), fc.nat(300)).map(([[bytes], at, byte, length]) => {
      const whole = onlyHeaders(bytes);
      whole[at % whole.length] = byte;
      return whole.subarray(0, length);
    });
    const anyProperties = fc.oneof(
      any,
      mangled,
      fc.tuple(flags, any).map(([word, bytes]) => Buffer.concat([word, bytes])),
    );
    fc.assert(
      fc.property(anyProperties, bytes => {
        const properties = readProperties(Buffer.from(bytes));
        if ('unreadable' in properties) expect(properties.unreadable).toMatch(/^its properties .+: .+/);
        else expect(Object.keys(properties).length).toBeLessThanOrEqual(14);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are all read under their names', () => {
    const texts = (...words: readonly string[]) => Buffer.concat(words.map(word => shortString(word)));
    const bytes = Buffer.concat([
      uint(0xfffc, 2),
      texts('application/json', 'utf-8'),
      longString(''),
      Buffer.from([2, 9]),
      texts('correlation', 'reply', '1000', 'id'),
      uint(1_700_000_000, 8),
      texts('type', 'user', 'app', 'cluster'),
    ]);
    expect(readProperties(bytes)).toEqual({
      ...{
        contentType: 'application/json',
        contentEncoding: 'utf-8',
        headers: {},
        deliveryMode: 2,
        priority: 9,
      },
      ...{ correlationId: 'correlation', replyTo: 'reply', expiration: '1000', messageId: 'id' },
      ...{ timestamp: 1_700_000_000, type: 'type', userId: 'user', appId: 'app', clusterId: 'cluster' },
    });
  });

  it('may be nested a hundred levels deep, and no deeper', () => {
    const nested = (levels: number) => {
      let value = field('V');
      for (let level = 0; level < levels; level++) {
        value = level % 2 ? field('F', longString(entry('', value))) : field('A', longString(value));
      }
      return onlyHeaders(entry('deep', value));
    };
    expect(readProperties(nested(100))).toHaveProperty('headers.deep');
    expect(readProperties(nested(101))).toMatchObject({ unreadable: expect.stringContaining('100 deep') });
    // As deep as a header frame can hold.
    expect(readProperties(nested(10_000))).toMatchObject({ unreadable: expect.stringContaining('100 deep') });
  });

  it('that end within a property are unreadable', () => {
    for (const flag of [FLAGS.messageId, FLAGS.timestamp, FLAGS.type, FLAGS.headers]) {
      expect(readProperties(uint(flag, 2))).toMatchObject({
        unreadable: expect.stringContaining('cut short'),
      });
    }
  });
});
