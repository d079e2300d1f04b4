import { createPrivateKey, createPublicKey, randomBytes, sign } from 'node:crypto';
import { Secret } from './secret.ts';

/** The length of a private key (a seed in RFC 8032) and of a public key. */
const KEY_BYTES = 32;
/** The bytes before the key in PKCS #8 (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** An Ed25519 key for signing. */
export interface Ed25519Key {
  /** Base64 of the 32 bytes of the public key. */
  readonly publicKey: string;
  /** @returns the detached signature, 64 bytes */
  sign(bytes: Uint8Array): Buffer;
}

/** Makes a private key: base64 of 32 bytes, the format of generic-worker's key files. */
export function newEd25519Key(): Secret {
  return new Secret(randomBytes(KEY_BYTES).toString('base64'));
}

/**
 * Reads a private key: base64 of its 32 bytes, with or without a line end.
 *
 * @throws Error whose message describes the problem and is worded to follow the name of a file
 */
export function readEd25519Key(text: Secret): Ed25519Key {
  const written = text.reveal().trim();
  const seed = Buffer.from(written, 'base64');
  if (seed.length !== KEY_BYTES || seed.toString('base64') !== written) {
    throw new Error('holds no ed25519 key: it should hold the 32 bytes of the private key in base64');
  }
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  return {
    publicKey: Buffer.from(x, 'base64url').toString('base64'),
    sign: bytes => sign(undefined, bytes, key),
  };
}
