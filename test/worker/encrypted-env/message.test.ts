import fc from 'fast-check';
import { inspect } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  newOpenpgpKeyPair,
  readOpenpgpPrivateKey,
  readOpenpgpPublicKey,
  Secret,
  type OpenpgpPrivateKey,
} from '../../../src/base/index.ts';
import { decryptVariable, encryptVariables } from '../../../src/worker/features/encrypted-env/message.ts';
import { decryptVariables } from '../../../src/worker/features/encrypted-env/variables.ts';

const TASK_ID = 'fN1SbArXTPSVFNUvaOlinQ';
const NOW = Date.parse('2030-01-01T12:00:00Z');
const VALUE = 'secret-value-that-nobody-may-see';
const ASKED = { taskId: TASK_ID, nowMs: NOW };

let key: OpenpgpPrivateKey;
let publicKey: string;
beforeAll(async () => {
  const pair = await newOpenpgpKeyPair('pool');
  key = await readOpenpgpPrivateKey(pair.privateKey);
  ({ publicKey } = pair);
});

const VARIABLE = { taskId: TASK_ID, startTime: NOW - 1_000, endTime: NOW + 1_000, name: 'TOKEN' };
const MESSAGE = { messageVersion: 1, ...VARIABLE, value: VALUE };

/** An encrypted item with this text. */
async function item(text: string): Promise<string> {
  const { encrypt } = await readOpenpgpPublicKey(publicKey);
  return Buffer.from(await encrypt(text)).toString('base64');
}

const withChanges = (changes: object) => item(JSON.stringify({ ...MESSAGE, ...changes }));

describe('the value of an encrypted variable', () => {
  it('is the one that was encrypted', async () => {
    const [first = ''] = await encryptVariables(publicKey, [{ ...VARIABLE, value: new Secret(VALUE) }]);
    const { name, value } = await decryptVariable(first, key, ASKED);
    expect(name).toBe('TOKEN');
    expect(value.reveal()).toBe(VALUE);
    expect(inspect(value)).toBe('[redacted]');
  });

  it('may be any text', async () => {
    const text = fc.string({ unit: 'binary', maxLength: 300 }).filter(value => !value.includes('\0'));
    await fc.assert(
      fc.asyncProperty(text, async value => {
        const [first = ''] = await encryptVariables(publicKey, [{ ...VARIABLE, value: new Secret(value) }]);
        expect((await decryptVariable(first, key, ASKED)).value.reveal()).toBe(value);
      }),
      { numRuns: 30 },
    );
  });

  it('may use the version of docker-worker, and base64 with line breaks', async () => {
    const wrapped = (await withChanges({ messageVersion: '1' })).replaceAll(/.{64}/g, '$&\n');
    expect((await decryptVariable(wrapped, key, ASKED)).value.reveal()).toBe(VALUE);
  });

  it('is valid from the first to the last moment of its period', async () => {
    for (const changes of [{ startTime: NOW }, { endTime: NOW }]) {
      expect((await decryptVariable(await withChanges(changes), key, ASKED)).name).toBe('TOKEN');
    }
  });

  it.each([
    ['of another version', { messageVersion: 2 }, /^is of a version that is not supported/],
    ['without a version', { messageVersion: undefined }, /^is of a version that is not supported/],
    ['for another task', { taskId: 'AAAAAAAAS8WAAAAAAAAAAA' }, /^is for another task$/],
    ['for no task', { taskId: undefined }, /^is for another task$/],
    ['not valid yet', { startTime: NOW + 1 }, /^has a startTime in the future$/],
    ['valid no more', { endTime: NOW - 1 }, /^has an endTime in the past$/],
    ['without a time', { endTime: undefined }, /^must have a startTime and an endTime/],
    ['with a time in words', { startTime: '2020-01-01' }, /^must have a startTime and an endTime/],
    ['without a name', { name: undefined }, /^must have a name/],
    ['with an empty name', { name: '' }, /^must have a name/],
    ['with a name that sets another', { name: 'TASK_ID=x' }, /^must have a name without "=" and NUL$/],
    ['with NUL in its name', { name: 'a\0b' }, /^must have a name without "=" and NUL$/],
    ['with a number as its value', { value: 1 }, /^must have a value that is a string$/],
    ['with a long name', { name: 'A'.repeat(1_025) }, /^must have a name of at most 1024 bytes$/],
    [
      'with a value that no program can be given, though its message is small',
      { value: 'a'.repeat(131_073) },
      /^must have a value of at most 131072 bytes$/,
    ],
    ['with NUL in its value', { value: 'a\0b' }, /^must have a value without NUL$/],
    ['that sets TASK_ID', { name: 'TASK_ID' }, /^must not set TASK_ID/],
    ['that sets RUN_ID', { name: 'RUN_ID' }, /^must not set RUN_ID/],
    ['that sets TASK_GROUP_ID', { name: 'TASK_GROUP_ID' }, /^must not set TASK_GROUP_ID/],
    ['that sets TASK_WORKDIR', { name: 'TASK_WORKDIR' }, /^must not set TASK_WORKDIR/],
    ['that sets the proxy', { name: 'TASKCLUSTER_PROXY_URL' }, /^must not set .* begins with TASKCLUSTER_/],
  ])('is refused if it is one %s', async (_, changes, problem) => {
    await expect(decryptVariable(await withChanges(changes), key, ASKED)).rejects.toThrow(problem);
  });

  it.each([
    ['no JSON', `${VALUE}{`],
    ['an array', '[1]'],
    ['null', 'null'],
    ['nothing', ''],
  ])('is refused without quoting it if the message holds %s', async (_, text) => {
    await expect(decryptVariable(await item(text), key, ASKED)).rejects.toThrow(
      /^does not contain a JSON object$/,
    );
  });

  it('is refused if it is encrypted for another key', async () => {
    const other = await newOpenpgpKeyPair('another pool');
    const [first = ''] = await encryptVariables(other.publicKey, [{ ...VARIABLE, value: new Secret(VALUE) }]);
    await expect(decryptVariable(first, key, ASKED)).rejects.toThrow(
      /^cannot be decrypted with this worker's key$/,
    );
  });

  it('is refused if any byte was changed', async () => {
    const whole = Buffer.from(await withChanges({}), 'base64');
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] ?? 0) ^ change;
        const reading = decryptVariable(bytes.toString('base64'), key, ASKED);
        // Some bytes are only hints, such as the key's ID. The decrypted text never differs from the original.
        const seen = await reading.then(
          ({ value }) => value.reveal(),
          (error: unknown) => (error as Error).message,
        );
        expect(["cannot be decrypted with this worker's key", VALUE]).toContain(seen);
      }),
      { numRuns: 100 },
    );
  });

  it('is refused for any other content', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async bytes => {
        const text = Buffer.from(bytes).toString('base64');
        await expect(decryptVariable(text, key, ASKED)).rejects.toThrow(/^cannot be decrypted/);
      }),
      { numRuns: 100 },
    );
    await expect(decryptVariable('no base64!', key, ASKED)).rejects.toThrow(/^is not base64$/);
    await expect(decryptVariable('A'.repeat(200_000), key, ASKED)).rejects.toThrow(/^is longer than/);
  });

  it.each([
    [{ name: 'TASK_ID', value: 'x' }, /^an encrypted variable must not set TASK_ID/],
    [{ name: 'A', value: 'x\0' }, /^an encrypted variable must have a value without NUL$/],
    [{ name: '', value: 'x' }, /^an encrypted variable must have a name/],
  ])('is not encrypted if a worker would refuse it: %j', async ({ name, value }, problem) => {
    const variable = { ...VARIABLE, name, value: new Secret(value) };
    await expect(encryptVariables(publicKey, [variable])).rejects.toThrow(problem);
  });
});

describe('encryptedEnv', () => {
  it('provides the values by name', async () => {
    const items = [await withChanges({}), await withChanges({ name: 'OTHER', value: '' })];
    const values = await decryptVariables(items, key, ASKED);
    expect([...values].map(([name, value]) => [name, value.reveal()])).toEqual([
      ['TOKEN', VALUE],
      ['OTHER', ''],
    ]);
    expect(await decryptVariables([], key, ASKED)).toEqual(new Map());
  });

  it('reports all its errors, and no value', async () => {
    const items = [
      await withChanges({}),
      'AAAA',
      await withChanges({ name: 'OTHER', taskId: 'x' }),
      await withChanges({ value: 'another value' }),
    ];
    await expect(decryptVariables(items, key, ASKED)).rejects.toMatchObject({
      name: 'TaskError',
      kind: 'malformed-payload',
      message:
        "encryptedEnv[1] cannot be decrypted with this worker's key\n" +
        'encryptedEnv[2] is for another task\n' +
        'encryptedEnv[3] sets the same variable as encryptedEnv[0]',
    });
  });

  it('is refused when its values exceed the total size limit, without decrypting the rest', async () => {
    const large = await Promise.all(
      ['A', 'B', 'C'].map(name => withChanges({ name, value: 'ä'.repeat(50_000) })),
    );
    await expect(decryptVariables([...large, 'no base64!'], key, ASKED)).rejects.toMatchObject({
      kind: 'malformed-payload',
      message: 'encryptedEnv has values of more than 262144 bytes together',
    });
    await expect(decryptVariables(large.slice(1), key, ASKED)).resolves.toHaveProperty('size', 2);
  });

  it('is refused as a whole if it has too many items', async () => {
    await expect(decryptVariables(Array<string>(129).fill('x'), key, ASKED)).rejects.toThrow(
      /^encryptedEnv has more than 128 items$/,
    );
  });
});
