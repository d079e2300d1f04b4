import type { Key, PrivateKey } from 'openpgp';
import { Secret } from './secret.ts';

/**
 * The most recipients of a message. A message for one worker has one recipient. Each recipient costs a decryption with
 * the private key, and a hostile message has many.
 */
const MAX_RECIPIENTS = 8;
/** The most bytes that a compressed message may contain after decompression. */
const MAX_DECOMPRESSED_BYTES = 256 * 1024;

/** The key pair of a worker, both ASCII-armoured. */
export interface OpenpgpKeyPair {
  readonly privateKey: Secret;
  readonly publicKey: string;
}

/** A private OpenPGP key for signing and decryption. */
export interface OpenpgpPrivateKey {
  /** ASCII-armoured. */
  readonly publicKey: string;
  /** Signs a text with a cleartext signature (RFC 9580, section 7), which keeps it readable. */
  clearSign(text: string): Promise<string>;
  /**
   * Decrypts a binary message. It need not be signed, but it must have integrity protection; a message without it is
   * rejected.
   *
   * @throws Error for any other message. The error reveals nothing about the message or the key
   */
  decrypt(message: Uint8Array): Promise<Uint8Array>;
}

/** A public OpenPGP key for encryption. */
export interface OpenpgpPublicKey {
  /** @returns a binary message */
  readonly encrypt: (text: string) => Promise<Uint8Array>;
}

/** The library takes 25 MB of memory, so only workers and commands that need it load it. */
const load = () => import('openpgp');

/**
 * Makes a key pair that does not expire and has no passphrase: an EdDSA key for signatures and an ECDH subkey for
 * messages. Both are on Curve25519, which GnuPG supports since version 2.1.
 *
 * @param name the owner of the key, used as its user ID
 */
export async function newOpenpgpKeyPair(name: string): Promise<OpenpgpKeyPair> {
  const { generateKey } = await load();
  const { privateKey, publicKey } = await generateKey({
    type: 'ecc',
    curve: 'curve25519Legacy',
    userIDs: [{ name }],
    format: 'armored',
  });
  return { privateKey: new Secret(privateKey), publicKey };
}

/**
 * Reads an ASCII-armoured private key, such as the output of `gpg --armor --export-secret-keys`.
 *
 * @throws Error whose message describes the problem and is worded to follow the name of a file
 */
export async function readOpenpgpPrivateKey(armored: Secret): Promise<OpenpgpPrivateKey> {
  const openpgp = await load();
  const key = await readPrivateKey(openpgp, armored);
  return {
    publicKey: key.toPublic().armor(),
    clearSign: async text => {
      const message = await openpgp.createCleartextMessage({ text });
      const signed = await openpgp.sign({ message, signingKeys: key });
      // The library writes the line ends that the signature covers. Verification normalises line ends, so plain line
      // feeds verify too.
      return signed.replaceAll('\r\n', '\n');
    },
    decrypt: async binaryMessage => {
      const config = { maxDecompressedMessageSize: MAX_DECOMPRESSED_BYTES };
      try {
        const message = await openpgp.readMessage({ binaryMessage, config });
        if (message.getEncryptionKeyIDs().length > MAX_RECIPIENTS) throw new Error('too many recipients');
        const { data } = await openpgp.decrypt({ message, decryptionKeys: key, format: 'binary', config });
        return data;
      } catch {
        // The reason is not given: a sender of many messages could use different reasons to learn the content of
        // another message.
        throw new Error('the message cannot be decrypted');
      }
    },
  };
}

/**
 * Reads an ASCII-armoured public key, such as the output of `gpg --armor --export`.
 *
 * @throws Error whose message describes the problem and is worded to follow the name of a file
 */
export async function readOpenpgpPublicKey(armored: string): Promise<OpenpgpPublicKey> {
  const openpgp = await load();
  const key = await readPublicKey(openpgp, armored);
  return {
    encrypt: async text =>
      openpgp.encrypt({
        message: await openpgp.createMessage({ text }),
        encryptionKeys: key,
        format: 'binary',
      }),
  };
}

async function readPrivateKey(openpgp: typeof import('openpgp'), armored: Secret): Promise<PrivateKey> {
  let key: PrivateKey;
  try {
    key = await openpgp.readPrivateKey({ armoredKey: armored.reveal() });
  } catch {
    throw new Error('holds no ASCII-armoured private OpenPGP key');
  }
  if (!key.isDecrypted()) throw new Error('holds an OpenPGP key with a passphrase: take the passphrase off');
  return key;
}

async function readPublicKey(openpgp: typeof import('openpgp'), armored: string): Promise<Key> {
  let key: Key;
  try {
    key = await openpgp.readKey({ armoredKey: armored });
  } catch (error) {
    throw new Error('holds no ASCII-armoured public OpenPGP key', { cause: error });
  }
  if (key.isPrivate()) throw new Error('holds a private OpenPGP key: give the public one');
  try {
    await key.getEncryptionKey();
  } catch (error) {
    throw new Error(`holds an OpenPGP key that cannot be encrypted for: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return key;
}
