import { deflateRawSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  newOpenpgpKeyPair,
  readOpenpgpPrivateKey,
  readOpenpgpPublicKey,
  Secret,
} from '../../../src/base/index.ts';
import { decryptVariable, encryptVariables } from '../../../src/worker/features/encrypted-env/message.ts';
import { gnupg, gnupgKeyPair, type Gnupg } from '../../harness/gnupg.ts';

const TASK_ID = 'fN1SbArXTPSVFNUvaOlinQ';
const NOW = Date.parse('2030-01-01T12:00:00Z');
const VARIABLE = { taskId: TASK_ID, startTime: NOW - 1, endTime: NOW + 1, name: 'TOKEN' };
const VALUE = 'ünïcode\nvalue';
const MESSAGE = JSON.stringify({ messageVersion: 1, ...VARIABLE, value: VALUE });
const ASKED = { taskId: TASK_ID, nowMs: NOW };

let gpg: Gnupg;
beforeAll(async () => {
  gpg = await gnupg();
  return () => gpg.close();
});

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');

describe('GnuPG and tcw', () => {
  it.each(['rsa2048', 'ed25519'])('can both use a key that GnuPG made: %s', async kind => {
    const { privateKey, publicKey } = await gnupgKeyPair(gpg, { kind });
    const key = await readOpenpgpPrivateKey(new Secret(privateKey));
    const recipient = await gpg.run(['--with-colons', '--show-keys'], publicKey);
    const fingerprint = /^fpr:*([0-9A-F]+):/m.exec(recipient.stdout.toString())?.[1] ?? '';

    const { stdout } = await gpg.run(['--encrypt', '--recipient', fingerprint], MESSAGE);
    expect((await decryptVariable(base64(stdout), key, ASKED)).value.reveal()).toBe(VALUE);

    const [item = ''] = await encryptVariables(publicKey, [{ ...VARIABLE, value: new Secret(VALUE) }]);
    const decrypted = await gpg.run(['--decrypt'], Buffer.from(item, 'base64'));
    expect(JSON.parse(decrypted.stdout.toString())).toEqual(JSON.parse(MESSAGE));
  });

  it('can both use a key that tcw made', async () => {
    const { privateKey, publicKey } = await newOpenpgpKeyPair('pool that tcw made');
    await gpg.import(privateKey.reveal());
    const key = await readOpenpgpPrivateKey(privateKey);

    for (const options of [[], ['--compress-algo', 'bzip2'], ['--hidden-recipient', 'pool that tcw made']]) {
      const words = ['--encrypt', '--recipient', 'pool that tcw made', ...options];
      const { stdout } = await gpg.run(words, MESSAGE);
      expect((await decryptVariable(base64(stdout), key, ASKED)).value.reveal()).toBe(VALUE);
    }

    const [item = ''] = await encryptVariables(publicKey, [{ ...VARIABLE, value: new Secret(VALUE) }]);
    const decrypted = await gpg.run(['--decrypt'], Buffer.from(item, 'base64'));
    expect(JSON.parse(decrypted.stdout.toString())).toEqual(JSON.parse(MESSAGE));
  });

  it('differ on messages with a passphrase, which tcw refuses', async () => {
    const { privateKey } = await newOpenpgpKeyPair('pool');
    const key = await readOpenpgpPrivateKey(privateKey);
    const { stdout } = await gpg.run(['--passphrase', 'x', '--symmetric'], MESSAGE);
    await expect(decryptVariable(base64(stdout), key, ASKED)).rejects.toThrow(/^cannot be decrypted/);
  });
});

describe('a hostile message', () => {
  const setting = async () => {
    const { privateKey, publicKey } = await newOpenpgpKeyPair('hostile pool');
    await gpg.import(publicKey);
    return { key: await readOpenpgpPrivateKey(privateKey), publicKey };
  };
  const refused = async (bytes: Uint8Array, key: Awaited<ReturnType<typeof setting>>['key']) => {
    await expect(decryptVariable(base64(bytes), key, ASKED)).rejects.toThrow(/^cannot be decrypted/);
  };

  it.each(['zip', 'zlib', 'bzip2'])('is refused if it becomes too large by decompression: %s', async how => {
    const { key } = await setting();
    const bomb = `{"value": "${'x'.repeat(64 * 1024 * 1024)}"}`;
    const words = ['--compress-algo', how, '--compress-level', '9', '--encrypt', '-r', 'hostile pool'];
    const { stdout } = await gpg.run(words, bomb);
    expect(stdout.length).toBeLessThan(128 * 1024);
    await refused(stdout, key);
  });

  it('is refused if it is not encrypted', async () => {
    const { key } = await setting();
    const { stdout: stored } = await gpg.run(['--store'], MESSAGE);
    await refused(stored, key);
    // A compressed packet (tag 8, to the end of the message) with ZIP inside.
    await refused(Buffer.concat([Buffer.of(0xa3, 1), deflateRawSync(stored)]), key);
  });

  it('is refused without integrity protection', async () => {
    const { key } = await setting();
    const words = ['--rfc2440', '--disable-mdc', '--cipher-algo', '3DES', '--encrypt', '-r', 'hostile pool'];
    const { stdout } = await gpg.run(words, MESSAGE);
    await refused(stdout, key);
  });

  it('is refused if it has many recipients, before any of them is tried', async () => {
    const { key, publicKey } = await setting();
    const { encrypt } = await readOpenpgpPublicKey(publicKey);
    const message = await encrypt(MESSAGE);
    // The first packet is the session key, encrypted for the recipient, with its length in the second byte.
    const packet = message.subarray(0, 2 + (message[1] ?? 0));
    expect(packet[0]).toBe(0xc1);
    const times = (count: number) => Buffer.concat([...Array<Uint8Array>(count).fill(packet), message]);
    expect((await decryptVariable(base64(times(3)), key, ASKED)).name).toBe('TOKEN');
    const begun = performance.now();
    await refused(times(1_000), key);
    // Decrypting so many session keys takes seconds.
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
