import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canInstallPackages, installPackage } from './install-package.ts';

/** A GnuPG with keys of its own. */
export interface Gnupg {
  /** Runs gpg. @throws Error with what it said, when it fails */
  run(words: readonly string[], input?: string | Uint8Array): Promise<{ stdout: Buffer; stderr: string }>;
  /** Takes a key into the ring, and trusts it. */
  import(armored: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a GnuPG for a test. On Debian, as root, it is installed if it is missing.
 *
 * @throws Error that says what to install
 */
export async function gnupg(): Promise<Gnupg> {
  if ((await execa('gpg', ['--version'], { reject: false })).failed) {
    if (!canInstallPackages()) throw new Error('The tests need GnuPG (gpg): install the package gnupg');
    await installPackage('gnupg');
  }
  // The agent's socket lies in it, and the path of a socket is short.
  const home = await mkdtemp('/tmp/tcw-gpg-');
  await writeFile(join(home, 'gpg.conf'), 'batch\nno-tty\nyes\ntrust-model always\npinentry-mode loopback\n');
  const run: Gnupg['run'] = async (words, input) => {
    const { stdout, stderr } = await execa('gpg', ['--homedir', home, ...words], {
      encoding: 'buffer',
      // Words that are not ASCII reach it as they are.
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
