import fc from 'fast-check';
import { inspect } from 'node:util';
import { firstValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { connect, endpointFrom, Secret } from '../../src/pulse/index.ts';
import { connectToMemory, MemoryBroker } from '../../src/pulse/testing.ts';

/** Whatever somebody may have for a password, known by its ends. */
const passwords = fc
  .oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'%@:/?#[]\\ "\'\n\u0000ü') }))
  .map(middle => `sw0rd${middle}fish`);

/** No login can carry a NUL. */
const loginPasswords = passwords.filter(password => !password.includes('\0'));

/** All that can be seen of values, by a log or by a debugger that does not ask for secrets. */
function seen(...values: unknown[]): string {
  return values
    .flatMap(value => [
      inspect(value, { depth: 20, showHidden: true, getters: true }),
      JSON.stringify(value),
      String(value),
    ])
    .join('\n');
}

function thrown(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

it('no password appears in the parts of a URL, or in the error for an invalid one', () => {
  fc.assert(
    fc.property(passwords, password => {
      const urls = [
        `amqp://me:${password}@127.0.0.1`,
        `amqp://me:${encodeURIComponent(wellFormed(password))}@127.0.0.1`,
      ];
      for (const url of urls) {
        for (const given of [url, new Secret(url)]) {
          expect(seen(thrown(() => endpointFrom({ url: given })))).not.toMatch(/sw0rd|fish/);
        }
      }
      expect(seen(thrown(() => endpointFrom({ url: 'amqp://h', password, env: {} })))).not.toMatch(
        /sw0rd|fish/,
      );
    }),
    { numRuns: 1_000 },
  );
});

it('no password appears in a connection, in its states, or in the error if it is refused', async () => {
  await fc.assert(
    fc.asyncProperty(loginPasswords, async password => {
      const pulse = connectToMemory(new MemoryBroker({ me: 'another' }), 'me', { password });
      const error = await pulse.ready().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: 'credentials' });
      expect(seen(pulse, error, await firstValueFrom(pulse.state$))).not.toMatch(/sw0rd|fish/);
      await pulse.close(0);
    }),
    { numRuns: 50 },
  );
});

it('no password appears in the error of a credentials function, unless the function puts it there', async () => {
  const pulse = connect({
    url: 'amqp://127.0.0.1:1',
    password: 'sw0rdfish',
    credentials: () => Promise.reject(new Error('no')),
  });
  const state = await firstValueFrom(pulse.state$);
  expect(seen(pulse, state)).not.toContain('sw0rdfish');
  await pulse.close(0);
});

/** `encodeURIComponent` refuses half of a surrogate pair. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
