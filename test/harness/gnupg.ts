import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canInstallPackages, installPackage } from './install-package.ts';

/** A GnuPG with its own keys. */
export interface Gnupg {
  /** Runs gpg. @throws Error with its messages if it fails */
  run(words: readonly string[], input?: string | Uint8Array): Promise<{ stdout: Buffer; stderr: string }>;
  /** Adds a key to the keyring, and trusts it. */
  import(armored: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts GnuPG for a test. On Debian, as root, it installs GnuPG if needed.
 *
 * @throws Error that says what to install
 */
export async function gnupg(): Promise<Gnupg> {
  if ((await execa('gpg', ['--version'], { reject: false })).failed) {
    if (!canInstallPackages()) throw new Error('The tests need GnuPG (gpg): install the package gnupg');
    await installPackage('gnupg');
  }
  // The agent's socket is in this folder, and the path of a socket must be short.
  const home = await mkdtemp('/tmp/tcw-gpg-');
  await writeFile(join(home, 'gpg.conf'), 'batch\nno-tty\nyes\ntrust-model always\npinentry-mode loopback\n');
  const run: Gnupg['run'] = async (words, input) => {
    const { stdout, stderr } = await execa('gpg', ['--homedir', home, ...words], {
      encoding: 'buffer',
      // For arguments that are not ASCII.
      env: { LC_ALL: 'C.UTF-8' },
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
    return { stdout: Buffer.from(stdout), stderr: Buffer.from(stderr).toString() };
  };
  return {
    run,
    import: async armored => void (await run(['--import'], armored)),
    close: async () => {
      await execa('gpgconf', ['--homedir', home, '--kill', 'all'], { reject: false });
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Makes a key for signatures and messages without a passphrase. @returns both keys, ASCII-armoured */
export async function gnupgKeyPair(
  gpg: Gnupg,
  { kind = 'rsa2048', passphrase = '' } = {},
): Promise<{ privateKey: string; publicKey: string }> {
  const words = ['--passphrase', passphrase];
  const userId = `pool of ${kind} ${randomUUID()}`;
  await gpg.run([
    ...words,
    '--quick-generate-key',
    userId,
    kind === 'ed25519' ? kind : 'rsa2048',
    'sign',
    'never',
  ]);
  const { stdout } = await gpg.run(['--with-colons', '--list-keys', userId]);
  const fingerprint = /^fpr:*([0-9A-F]+):/m.exec(stdout.toString())?.[1] ?? '';
  const subkey = kind === 'ed25519' ? 'cv25519' : 'rsa2048';
  await gpg.run([...words, '--quick-add-key', fingerprint, subkey, 'encr', 'never']);
  const secret = await gpg.run([...words, '--armor', '--export-secret-keys', fingerprint]);
  const open = await gpg.run(['--armor', '--export', fingerprint]);
  return { privateKey: secret.stdout.toString(), publicKey: open.stdout.toString() };
}
