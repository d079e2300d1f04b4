import { execa } from 'execa';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { newEd25519Key, newOpenpgpKeyPair, readEd25519Key, Secret } from '../../../src/base/index.ts';
import { isAnyKeyFile, readKeyFiles } from '../../../src/worker/features/chain-of-trust/key-files.ts';
import { chainOfTrustNames, signedFiles } from '../../../src/worker/features/chain-of-trust/signed-files.ts';
import { gnupg, gnupgKeyPair, type Gnupg } from '../../harness/gnupg.ts';

const DOCUMENT = '{\n  "taskId": "ünïcode \\r\\n",\n- "x": "-----BEGIN PGP SIGNATURE-----"\n}';
/** The prefix with which OpenSSL reads the 32 bytes of a public key. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

let folder: string;
let gpg: Gnupg;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  gpg = await gnupg();
  return async () => {
    await gpg.close();
    await rm(folder, { recursive: true });
  };
});

/** Whether OpenSSL accepts a signature for these bytes. */
async function opensslVerifies(
  publicKey: string,
  document: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const place = await mkdtemp(join(folder, 'openssl-'));
  const der = Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, 'base64')]);
  const pem = `-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----\n`;
  const files = { key: pem, document, signature };
  for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content);
  const words = [
    'pkeyutl',
    '-verify',
    '-pubin',
    '-inkey',
    'key',
    '-rawin',
    '-in',
    'document',
    '-sigfile',
    'signature',
  ];
  const { exitCode } = await execa('openssl', words, { cwd: place, reject: false });
  return exitCode === 0;
}

async function inFile(name: string, content: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

describe('an Ed25519 key', () => {
  it('is base64 of 32 bytes, and OpenSSL verifies its signatures', async () => {
    const text = newEd25519Key();
    expect(text.reveal()).toMatch(/^[A-Za-z0-9+/]{43}=$/);
    const key = readEd25519Key(text);
    const [document, signature] = await signedFiles(DOCUMENT, { ed25519: key });
    expect(document?.content.toString()).toBe(DOCUMENT);
    if (!document || !signature) throw new Error('nothing was signed');
    expect(signature.content).toHaveLength(64);
    expect(await opensslVerifies(key.publicKey, document.content, signature.content)).toBe(true);
    const other = Buffer.from(`${DOCUMENT} `);
    expect(await opensslVerifies(key.publicKey, other, signature.content)).toBe(false);
  });

  it('matches RFC 8032, test 2', () => {
    const seed = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
    const key = readEd25519Key(new Secret(`${Buffer.from(seed, 'hex').toString('base64')}\n`));
    expect(Buffer.from(key.publicKey, 'base64').toString('hex')).toBe(
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    );
    expect(key.sign(Uint8Array.of(0x72)).toString('hex')).toBe(
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
        '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    );
  });

  it.each([
    ['nothing', ''],
    ['too short', Buffer.alloc(31).toString('base64')],
    ['with its public half', Buffer.alloc(64).toString('base64')],
    ['no base64', `${'*'.repeat(43)}=`],
    ['hexadecimal', 'ab'.repeat(32)],
    ['two lines', `${Buffer.alloc(32).toString('base64')}\nx`],
  ])('is refused if it is %s, and is not quoted', (_, text) => {
    expect(() => readEd25519Key(new Secret(text))).toThrow(
      /^holds no ed25519 key: it should hold the 32 bytes of the private key in base64$/,
    );
  });
});

describe('an OpenPGP key', () => {
  it.each(['made by tcw', 'rsa2048', 'ed25519'])(
    'makes clear-signed messages that GnuPG verifies: %s',
    async kind => {
      const pair =
        kind === 'made by tcw' ? await newOpenpgpKeyPair('pool of tcw') : await gnupgKeyPair(gpg, { kind });
      await gpg.import(pair.publicKey);
      const signingKeyLocation = await inFile('key.asc', revealed(pair.privateKey));
      const keys = await readKeyFiles({ signingKeyLocation });
      const [signed, ...more] = await signedFiles(DOCUMENT, keys);
      expect(more).toEqual([]);
      expect(signed).toMatchObject({ name: 'public/chainOfTrust.json.asc' });
      const { stdout, stderr } = await gpg.run(['--decrypt'], signed?.content);
      expect(stderr).toMatch(/Good signature from "pool of/);
      expect(stdout.toString().trimEnd()).toBe(DOCUMENT);
      const changed = String(signed?.content).replace('taskId', 'taskID');
      await expect(gpg.run(['--verify'], changed)).rejects.toThrow(/BAD signature/);
    },
  );

  it('is refused if it has a passphrase', async () => {
    const { privateKey } = await gnupgKeyPair(gpg, { kind: 'ed25519', passphrase: 'secret' });
    const signingKeyLocation = await inFile('locked.asc', privateKey);
    await expect(readKeyFiles({ signingKeyLocation })).rejects.toThrow(
      `signingKeyLocation: ${signingKeyLocation} holds an OpenPGP key with a passphrase: take the passphrase off`,
    );
  });

  it.each([
    '',
    'no key',
    '-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----',
  ])('is refused if it is not a key: %j', async text => {
    const signingKeyLocation = await inFile('none.asc', text);
    await expect(readKeyFiles({ signingKeyLocation })).rejects.toThrow(
      `signingKeyLocation: ${signingKeyLocation} holds no ASCII-armoured private OpenPGP key`,
    );
  });
});

describe('the signing keys of a worker', () => {
  it('determine which signatures are uploaded', async () => {
    const ed25519 = readEd25519Key(newEd25519Key());
    const { privateKey } = await newOpenpgpKeyPair('x');
    const { openpgp } = await readKeyFiles({
      signingKeyLocation: await inFile('both.asc', privateKey.reveal()),
    });
    for (const keys of [{ ed25519 }, { openpgp }, { ed25519, openpgp }]) {
      const names = (await signedFiles('{}', keys)).map(({ name }) => name);
      expect(chainOfTrustNames(keys)).toEqual(['public/logs/certified.log', ...names]);
    }
    expect(chainOfTrustNames({ ed25519, openpgp })).toEqual([
      'public/logs/certified.log',
      'public/chain-of-trust.json',
      'public/chain-of-trust.json.sig',
      'public/chainOfTrust.json.asc',
    ]);
  });

  it('are optional', async () => {
    expect(await readKeyFiles({})).toEqual({ ed25519: undefined, openpgp: undefined });
    expect(isAnyKeyFile({})).toBe(false);
  });

  it('are read from a file with or without a final line break', async () => {
    const text = newEd25519Key().reveal();
    for (const end of ['', '\n', '\r\n']) {
      const ed25519SigningKeyLocation = await inFile('key', `${text}${end}`);
      const { ed25519 } = await readKeyFiles({ ed25519SigningKeyLocation });
      expect(ed25519?.publicKey).toBe(readEd25519Key(new Secret(text)).publicKey);
    }
  });

  it.each([
    ['missing', 'missing', /cannot be read: ENOENT/],
    ['a folder', '.', /cannot be read: EISDIR/],
  ])('are refused with their property if the file is %s', async (_, name, problem) => {
    const ed25519SigningKeyLocation = join(folder, name);
    const reading = readKeyFiles({ ed25519SigningKeyLocation });
    await expect(reading).rejects.toThrow(problem);
    await expect(reading).rejects.toThrow(/^ed25519SigningKeyLocation: \//);
  });
});

it('the keys are hidden when they are printed', async () => {
  const { privateKey } = await newOpenpgpKeyPair('x');
  expect(`${String(privateKey)} ${JSON.stringify(newEd25519Key())}`).toBe('[redacted] "[redacted]"');
});

function revealed(text: string | Secret): string {
  return typeof text === 'string' ? text : text.reveal();
}
