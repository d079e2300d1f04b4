import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { binding, ephemeralQueue, JsonText, type Dialect } from '../../../src/pulse/index.ts';
import { listening, ownExchange, pulse } from './setting.ts';

/** JSON that JavaScript's values cannot hold. */
const EXACT =
  '{"big":12345678901234567890, "long":0.12345678901234567890123, "huge":1e400, "twice":1, "twice":2, "2":"order", "1":[], "é":"\\u00e9"}';
const ON_ONE_LINE = EXACT.replaceAll(', ', ',');

const dialects: [dialect: Dialect, before: string, after: string][] = [
  ['bare', '', ''],
  ['payload', '{"payload":', '}'],
  ['mozillapulse', '{"payload":', ',"_meta":{"exchange":'],
];

describe.concurrent('JSON that JavaScript cannot represent exactly', () => {
  it.each(dialects)('is published unchanged: %s', async (dialect, before, after) => {
    const { exchange, pulse: owner } = await ownExchange();
    const message$ = owner.consume({
      queue: ephemeralQueue('exact'),
      bindings: [binding(exchange, '#', undefined, { dialect: 'bare' })],
      onEvent: event => {
        if (event.type === 'consuming') consuming.resolve(undefined);
      },
    });
    const consuming = Promise.withResolvers<undefined>();
    const arriving = firstValueFrom(message$);
    await consuming.promise;
    const published = await pulse(['publish', exchange, 'key', '-', '--dialect', dialect], EXACT);
    expect(published).toMatchObject({ exitCode: 0 });
    const message = await arriving;
    message.ack();
    const content = Buffer.from(message.content).toString();
    expect(content.slice(0, before.length + EXACT.length + after.length)).toBe(`${before}${EXACT}${after}`);
  });

  it('is published unchanged line by line', async () => {
    const { exchange } = await ownExchange();
    const listener = await listening(exchange, '--count', '2');
    await pulse(['publish', exchange, 'key', '-', '--lines'], `${EXACT}\n[1e400]\n`);
    expect(await listener.ended).toBe(0);
    expect(listener.lines().map(line => /"body":(.*)\}$/.exec(line)?.[1])).toEqual([ON_ONE_LINE, '[1e400]']);
  });

  it.each(dialects)('is printed unchanged: %s', async dialect => {
    const { exchange, pulse: owner } = await ownExchange();
    const words = ['--count', '1', '--dialect', dialect];
    const listeners = [
      await listening(exchange, ...words),
      await listening(exchange, ...words, '--exec', 'cat'),
    ];
    await owner.publish(exchange, 'key', new JsonText(`\n ${EXACT}\n`), { dialect });
    for (const listener of listeners) {
      expect(await listener.ended).toBe(0);
      const [line = ''] = listener.lines();
      expect(line).toContain(`"body":${ON_ONE_LINE}`);
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    }
  });

  it('is formatted by --pretty without changing tokens', async () => {
    const { exchange, pulse: owner } = await ownExchange();
    const listener = await listening(exchange, '--count', '1', '--pretty');
    await owner.publish(exchange, 'key', new JsonText('{"a":{"n":1e400,"e":{},"l":[]},"a":[1.0,2]}'));
    expect(await listener.ended).toBe(0);
    expect(listener.lines().slice(-12).join('\n')).toBe(
      '  "body": {\n    "a": {\n      "n": 1e400,\n      "e": {},\n      "l": []\n    },\n    "a": [\n      1.0,\n      2\n    ]\n  }\n}',
    );
  });

  it('is refused before it is sent if it is not valid JSON', async () => {
    const { exchange } = await ownExchange();
    expect(await pulse(['publish', exchange, 'key', '-'], '\uFEFF{}')).toMatchObject({
      exitCode: 65,
      stderr: expect.stringContaining(
        'the body begins with a byte order mark, which JSON does not allow',
      ) as string,
    });
    expect(await pulse(['publish', exchange, 'key', '-'], '{"a":01}')).toMatchObject({ exitCode: 65 });
  });
});
