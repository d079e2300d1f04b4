import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions, type ProcessLogger } from '../../src/cli/output/logger.ts';
import { Secret } from '../../src/pulse/index.ts';
import { LiveSecrets } from '../../src/worker/index.ts';

async function logged(
  log: (logger: ProcessLogger) => void,
  options: Partial<LoggerOptions> = {},
): Promise<string> {
  const stream = new PassThrough();
  const written = text(stream);
  const logger = await createLogger({ level: 'debug', stream, format: 'json', ...options });
  log(logger);
  await logger.flush();
  stream.end();
  return written;
}

describe("the worker's own log", () => {
  it('is one JSON object for each line', async () => {
    const lines = await logged(logger => {
      logger.info({ taskId: 'abc', runId: 0 }, 'claimed');
      logger.error({ err: new RangeError('too far', { cause: new Error('too fast') }) }, 'gone');
    });
    const [first, second] = lines
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({ level: 'info', taskId: 'abc', runId: 0, msg: 'claimed' });
    expect(Date.parse(String(first?.time))).toBeGreaterThan(Date.UTC(2020));
    expect(second).toMatchObject({
      level: 'error',
      err: { type: 'RangeError', message: 'too far', cause: { message: 'too fast' } },
    });
    expect((second?.err as Error).stack).toContain('logger.test.ts');
  });

  it.each(['json', 'plain'] as const)('redacts known secrets wherever they appear (%s)', async format => {
    const secrets = new LiveSecrets();
    secrets.add(new Secret('pass"word\\of the worker'));
    const said = 'the broker said: pass"word\\of the worker is wrong';
    const lines = await logged(
      logger => logger.warn({ err: new Error(said), list: [said], nested: JSON.stringify({ said }) }, said),
      { secrets, format },
    );
    expect(lines).not.toMatch(/word\\/);
    expect(lines).not.toContain('of the worker');
    expect(lines.match(/\[redacted\] is wrong/g)?.length).toBeGreaterThanOrEqual(4);
    if (format === 'json') expect(JSON.parse(lines)).toMatchObject({ level: 'warn' });
  });

  it('redacts the password of a URL, even one that contains @', async () => {
    const lines = await logged(logger => {
      logger.warn({ url: 'amqps://me:p@ss@pulse.example/%2F' }, 'cannot connect to amqp://me:p@ss@a.example');
    });
    expect(lines).not.toMatch(/p@|ss@/);
    expect(lines).toContain('amqps://me:[redacted]@pulse.example/%2F');
  });

  it.each(['a.', 'a-', 'a://', 'a://a:'])('takes no longer for a long text of %j', async piece => {
    const before = performance.now();
    const lines = await logged(logger => {
      logger.warn({ err: new Error(piece.repeat(50_000)) }, 'a name that a task has chosen');
    });
    expect(lines).toContain('a name that a task has chosen');
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  it('omits what is below its level', async () => {
    const log = (logger: ProcessLogger) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) logger[level]({}, `a ${level} line`);
    };
    expect((await logged(log, { level: 'warn' })).match(/a \w+ line/g)).toEqual([
      'a warn line',
      'a error line',
    ]);
    expect((await logged(log, { level: 'debug' })).match(/a \w+ line/g)).toHaveLength(4);
  });

  it.each(['plain', 'coloured'] as const)('is readable text on a terminal, %s', async format => {
    const lines = await logged(logger => logger.warn({ place: 'here' }, 'look out'), { format });
    expect(lines).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\]/);
    expect(lines).toContain('look out');
    expect(lines.includes('\u001b[')).toBe(format === 'coloured');
  });

  it('supports circular objects', async () => {
    const circle: Record<string, unknown> = { name: 'circle' };
    circle.self = circle;
    expect(await logged(logger => logger.info({ circle }, 'round'))).toContain('"self":"[circular]"');
  });
});

describe('a secret in the log', () => {
  const secretNames = [
    'accessToken',
    'certificate',
    'password',
    'pulsePassword',
    'authorization',
    'Authorization',
  ];
  const SECRET = 's3cret-value';
  const credentials = fc.constantFrom(
    new Secret(SECRET),
    ...secretNames.map(name => ({ [name]: SECRET })),
    `amqps://worker:${SECRET}@host:5671/vhost`,
    Object.assign(new Error(`connect amqp://worker:${SECRET}@host`), { options: { authorization: SECRET } }),
    new Error('failed', { cause: { accessToken: SECRET } }),
  );
  const { deep } = fc.letrec<{ deep: unknown }>(tie => ({
    deep: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      credentials,
      fc.array(tie('deep'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(fc.constantFrom('a', 'err', 'headers', 'url'), tie('deep'), { minKeys: 1, maxKeys: 3 }),
    ),
  }));

  it.each(['json', 'plain'] as const)('is [redacted] at any depth (%s)', async format => {
    await fc.assert(
      fc.asyncProperty(deep, async value => {
        const lines = await logged(logger => logger.info({ value, err: value }, 'hello'), { format });
        expect(lines).toContain('hello');
        expect(lines).toContain('[redacted]');
        expect(lines).not.toContain(SECRET);
      }),
      { numRuns: 100 },
    );
  });

  it('is redacted without affecting the rest', async () => {
    const fields = { url: 'https://host:8080/path', taskId: 'a', list: [1, null, 'x@y'], when: new Date(0) };
    expect(JSON.parse(await logged(logger => logger.info(fields, '')))).toMatchObject({
      ...fields,
      when: '1970-01-01T00:00:00.000Z',
    });
  });
});

it('loses no line if the process exits right away, into a pipe that is read late', async () => {
  const lines = 20_000;
  const program = `
    import { createLogger } from ${JSON.stringify(new URL('../../src/cli/output/logger.ts', import.meta.url).href)};
    const logger = await createLogger({ level: 'info', stream: process.stderr, format: 'json' });
    for (let line = 0; line < ${lines}; line += 1) logger.info({ line }, 'x'.repeat(50));
    await logger.flush();
    process.exit(3);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  const closed = once(child, 'close');
  await setTimeout(200);
  const output = await text(child.stderr);
  expect(await closed).toEqual([3, null]);
  expect(output.split('\n')).toHaveLength(lines + 1);
});
