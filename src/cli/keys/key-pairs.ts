import { newEd25519Key, newOpenpgpKeyPair, readEd25519Key } from '../../base/index.ts';
import { writeKeyFile } from './key-file.ts';

/** Writes a private Ed25519 key to a new file. @returns the public key in base64, as a line */
export async function newEd25519KeyPair(file: string): Promise<string> {
  const key = newEd25519Key();
  await writeKeyFile(file, key);
  return `${readEd25519Key(key).publicKey}\n`;
}

/** Writes a private OpenPGP key to a new file. @returns the public key, ASCII-armoured */
export async function newArmouredKeyPair(file: string, name: string): Promise<string> {
  const { privateKey, publicKey } = await newOpenpgpKeyPair(name);
  await writeKeyFile(file, privateKey);
  return `${publicKey.trimEnd()}\n`;
}
