import { firstValueFrom, map } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Setting } from './setting.ts';

export function publishChecks(setting: Setting): void {
  const publish = (body: unknown, key = 'k') => setting.pulse.publish(setting.exchange, key, body);
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

  describe('an invalid message', () => {
    it('is refused before it is sent if its routing key has 256 bytes', async () => {
      await expect(publish({}, 'é'.repeat(128))).rejects.toMatchObject({ kind: 'invalid' });
      await publish({}, 'é'.repeat(127));
    });

    const circle: Record<string, unknown> = {};
    circle.self = circle;
    it.each([
      ['undefined', undefined],
      ['a function', () => 1],
      ['a bigint', { n: 1n }],
      ['a circle', circle],
    ])('is refused if JSON cannot represent its body: %s', async (_, body) => {
      await expect(publish(body)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringContaining('JSON'),
      });
    });

    it('is refused before any frame is sent if its headers exceed 64 KiB, without effect on messages in flight', async () => {
      const headers = { text: 'x'.repeat(70_000) };
      await setting.pulse.ready();
      const states: string[] = [];
      const watching = setting.pulse.state$
        .pipe(map(({ name }) => name))
        .subscribe(name => states.push(name));
      const before = numbers(20).map(n => publish(n));
      const bad = setting.pulse.publish(setting.exchange, 'k', {}, { headers });
      const after = numbers(20).map(n => publish(n));
      await expect(bad).rejects.toMatchObject({ kind: 'invalid' });
      await Promise.all([...before, ...after]);
      watching.unsubscribe();
      expect(states).toEqual(['connected']);
    });

    const loop: unknown[] = [];
    loop.push({ loop, again: loop });
    let deep: unknown = 1;
    for (let level = 0; level < 10_000; level++) deep = [deep];
    it.each<[string, unknown, string]>([
      ['infinity', Infinity, 'Infinity'],
      ['less than anything', -Infinity, '-Infinity'],
      ['no number', NaN, 'NaN'],
      ['infinity in a table in an array', [1, { in: [Infinity] }], 'bad[1].in[0] is Infinity'],
      ['a double that is none', { '!': 'double', value: Infinity }, 'double'],
      ['a float that is infinite in its 32 bits', { '!': 'float', value: 1e39 }, 'float'],
      ['a byte of nine bits', { '!': 'int8', value: 256 }, 'int8'],
      ['a time before 1970', { '!': 'timestamp', value: -1 }, 'timestamp'],
      ['a decimal of text', { '!': 'decimal', value: { places: 1, digits: '7' } }, 'decimal'],
      ['a type that AMQP has not', { '!': 'complex', value: 1 }, 'complex'],
      ['an integer of 65 bits', 2n ** 63n, '64 bits'],
      ['an invalid date', new Date(NaN), 'date'],
      ['a date before 1970', new Date(-1_000), '1970'],
      ['a function', () => 1, 'function'],
      ['a symbol', Symbol('s'), 'symbol'],
      ['nothing in an array', [1, undefined], 'bad[1] is undefined'],
      ['a map', new Map([['a', 1]]), 'Map'],
      ['numbers of 16 bits', new Uint16Array(2), 'Uint16Array'],
      ['half a character', 'a\ud800', 'Unicode'],
      ['a circle', loop, 'nested'],
      ['tables without end', deep, 'nested'],
      ['a name of 256 bytes', { ['é'.repeat(128)]: 1 }, '256 bytes'],
      [
        'a getter that throws',
        {
          get it() {
            throw new Error('not now');
          },
        },
        'not now',
      ],
    ])('is refused at once, without a connection, if it has a header of %s', async (_, bad, why) => {
      const offline = setting.under.connect({
        credentials: () => new Promise(() => undefined),
        namespace: setting.under.user,
      });
      const result = await offline.tryPublish(setting.exchange, 'k', {}, { headers: { good: 1, bad } });
      await offline.close(0);
      expect(result).toMatchObject({
        status: 'refused',
        error: { kind: 'invalid', message: expect.stringContaining(why) },
      });
    });

    it.each([
      ['an id of 256 bytes', { messageId: 'é'.repeat(128) }, '256 bytes'],
      ['an id that is not a string', { messageId: 7 as unknown as string }, 'messageId'],
      ['headers that are not an object', { headers: 'h' as unknown as Record<string, unknown> }, 'headers'],
      [
        'more keys than headers can hold',
        { routes: Array.from({ length: 300 }, () => 'r'.repeat(250)) },
        '65536',
      ],
    ])('is refused if it has %s', async (_, options, why) => {
      expect(await setting.pulse.tryPublish(setting.exchange, 'k', {}, options)).toMatchObject({
        status: 'refused',
        error: { kind: 'invalid', message: expect.stringContaining(why) },
      });
      await publish({});
    });

    it('does not result from headers of any AMQP type, which are all delivered', async () => {
      const { pulse, exchange, consuming } = setting;
      const { next } = await consuming();
      const headers = {
        ...{ int: 7, negative: -(2 ** 40), safe: 2 ** 53 - 1, huge: 2 ** 60, beyond: 2 ** 63, below: -1e30 },
        ...{
          half: 0.5,
          fraction: 2 ** 51 + 0.5,
          zero: -0,
          small: 5n,
          big: 2n ** 62n + 1n,
          least: -(2n ** 63n),
        },
        ...{ text: 'größe', yes: true, nothing: null, absent: undefined },
        ...{ bytes: Buffer.from([1, 255]), view: new Uint8Array([2, 254]) },
        when: new Date(1_700_000_000_999),
        list: [1, [2n ** 60n], { in: null }],
        table: { table: {}, list: [] },
        ...{ int8: { '!': 'int8', value: -8 }, uint16: { '!': 'unsignedshort', value: 65_535 } },
        ...{ float: { '!': 'float', value: 0.1 }, long: { '!': 'int64', value: 9 } },
        decimal: { '!': 'decimal', value: { places: 2, digits: 314 } },
        ['__proto__']: 'a name like any other',
      };
      await pulse.publish(exchange, 'k', 1, { headers });
      const got = (await next()).headers;
      expect(got).toEqual({
        ...headers,
        ...{ huge: 2n ** 60n, small: 5, view: Buffer.from([2, 254]), absent: undefined },
        when: { '!': 'timestamp', value: 1_700_000_000 },
        ...{ int8: -8, uint16: 65_535, float: Math.fround(0.1), long: 9 },
        ['__proto__']: 'a name like any other',
      });
      expect(Object.hasOwn(got, '__proto__')).toBe(true);
      expect(Object.keys(got)).not.toContain('absent');
    });

    it('is refused before it is sent if the name of its exchange has 256 bytes', async () => {
      const { pulse, under } = setting;
      const name = `exchange/${under.user}/`.padEnd(256, 'x');
      await expect(pulse.declareExchange(name)).rejects.toMatchObject({ kind: 'invalid' });
      await expect(pulse.publish(name, 'k', {})).rejects.toMatchObject({ kind: 'invalid' });
      await publish({});
      expect(await firstValueFrom(pulse.state$)).toEqual({ name: 'connected' });
    });
  });
}
