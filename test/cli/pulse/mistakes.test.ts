import { lastValueFrom } from 'rxjs';
import { afterAll, describe, expect, inject, it } from 'vitest';
import { binding, connect, namedQueue, type Pulse, type PulseErrorKind } from '../../../src/pulse/index.ts';
import { tcw } from '../tcw.ts';
import { newName, user } from './setting.ts';

const broker = inject('pulseUrl');
const nowhere = broker.replace(/%2F$/, 'nowhere');
const host = new URL(broker).host;
/** Where nobody answers: what is refused all the same was refused before any frame. */
const nobody = 'amqp://u:SECRET@127.0.0.1:1';

const missing = `exchange/${user}/${newName()}`;
const theirs = 'exchange/somebody/things';
const taken = newName();
const key = 'x'.repeat(256);

interface Mistake {
  readonly what: string;
  readonly server: string;
  /** The mistake in a program. */
  readonly call: (pulse: Pulse) => unknown;
  readonly kind: PulseErrorKind;
  /** What was wrong, and what to do. */
  readonly says: string | RegExp;
  /** The same mistake at the command line. */
  readonly words: readonly string[];
  readonly exitCode: number;
  /** What its one line says, where that is not what the library says. */
  readonly line?: RegExp;
}

const ownExchange = `exchange/${user}/${newName()}`;
const queueOf = (maxLength: number) => namedQueue(taken, { maxLength, expiresMs: 60_000 });
const hear = (exchange: string) => binding(exchange, '#');
afterAll(async () => {
  const pulse = connect({ url: broker });
  await pulse.queue(queueOf(5)).delete();
  await pulse.close();
});

const mistakes: readonly Mistake[] = [
  {
    what: 'a wrong exchange name',
    server: broker,
    call: pulse => lastValueFrom(pulse.consume({ queue: queueOf(5), bindings: [hear(missing)] })),
    kind: 'not-found',
    says: `no exchange '${missing}' (404). Check its name; its owner must declare it first`,
    words: ['listen', missing],
    exitCode: 64,
  },
  {
    what: 'a routing key of 256 bytes',
    server: nobody,
    call: pulse => pulse.publish(missing, key, {}),
    kind: 'invalid',
    says: `routing key of 256 bytes is too long: AMQP allows 255 (${'x'.repeat(40)}…)`,
    words: ['publish', missing, key, '--body', '{}'],
    exitCode: 64,
  },
  {
    what: 'a body that is no JSON',
    server: nobody,
    call: pulse => pulse.publish(missing, 'k', undefined),
    kind: 'invalid',
    says: 'the body cannot be written as JSON: it is undefined',
    words: ['publish', missing, 'k', '--body', '{"id":'],
    exitCode: 65,
    line: /^the body is not JSON: Unexpected end of JSON input$/,
  },
  {
    what: 'a queue that exists with other arguments',
    server: broker,
    call: async pulse => {
      await pulse.declareExchange(ownExchange);
      await pulse.queue(queueOf(5)).declare([hear(ownExchange)]);
      await pulse.queue(queueOf(7)).declare();
    },
    kind: 'mismatch',
    says:
      `queue 'queue/${user}/${taken}' exists with other arguments: x-max-length is '5' there, and '7' here (406). ` +
      'A queue cannot be changed: use another name, or delete it first',
    words: ['listen', ownExchange, '--queue', taken, '--max-length', '7', '--expires', '60'],
    exitCode: 64,
  },
  {
    what: 'a forbidden exchange',
    server: broker,
    call: pulse => pulse.publish(theirs, 'k', {}),
    kind: 'forbidden',
    says: new RegExp(
      `^(write )?access to exchange '${theirs}' refused for user '${user}' \\(403\\)\\. ` +
        'At Pulse a user may write only queue/<user>/… and exchange/<user>/…, and read every exchange/…$',
    ),
    words: ['publish', theirs, 'k', '--body', '{}'],
    exitCode: 77,
    line: /^refused: (write )?access to exchange 'exchange\/somebody\/things' refused for user .* may write only /,
  },
  {
    what: 'a wrong vhost',
    server: nowhere,
    call: pulse => pulse.ready(),
    kind: 'vhost',
    says:
      `the broker at ${host}, vhost nowhere, refused the vhost, which is the URL's path: it does not exist, ` +
      'is not for this user, or allows no more connections',
    words: ['listen', missing],
    exitCode: 77,
  },
  {
    what: 'amqp:fdf://',
    server: 'amqp:fdf://u:SECRET@h',
    call: () => undefined,
    kind: 'invalid',
    says: 'the Pulse URL names no host; it should look like amqps://user:password@host:5671',
    words: ['listen', missing],
    exitCode: 64,
  },
];

describe('a mistake is reported with its fix, in a program and on the command line', () => {
  it.each(mistakes)(
    '$what: $kind, $exitCode',
    async ({ server, call, kind, says, words, exitCode, line }) => {
      let pulse: Pulse | undefined;
      const inProgram = async () => {
        pulse = connect({ url: server });
        await call(pulse);
      };
      try {
        await expect(inProgram()).rejects.toMatchObject({
          name: 'PulseError',
          kind,
          message: typeof says === 'string' ? says : expect.stringMatching(says),
        });
        const { stderr, ...ended } = await tcw(['pulse', ...words, '-s', server]);
        expect(ended).toEqual({ exitCode, stdout: '' });
        const [, said, more] = /^tcw: ([^\n]+)\n([^]*)$/.exec(stderr) ?? [];
        expect(more).toBe('');
        if (line) expect(said).toMatch(line);
        else expect(said).toBe(says);
        expect(stderr).not.toContain('SECRET');
      } finally {
        await pulse?.close();
      }
    },
  );

  it('the broker’s own message is completely in the cause', async () => {
    const pulse = connect({ url: broker });
    const { cause } = (await pulse.publish(missing, 'k', {}).catch((error: unknown) => error)) as Error;
    expect(String(cause)).toMatch(
      /404 \(NOT-FOUND\) with message "NOT_FOUND - no exchange '.*' in vhost '\/'"/,
    );
    await pulse.close();
  });
});
