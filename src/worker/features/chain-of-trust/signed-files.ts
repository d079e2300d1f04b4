import type { Ed25519Key, OpenpgpPrivateKey } from '../../../base/index.ts';

/** The keys of a worker that has at least one. */
export interface SigningKeys {
  readonly ed25519?: Ed25519Key | undefined;
  readonly openpgp?: OpenpgpPrivateKey | undefined;
}

/** An artifact, gzipped when it is stored. */
interface SignedFile {
  readonly name: string;
  readonly contentType: string;
  readonly content: Buffer;
}

const TEXT = 'text/plain; charset=utf-8';

/** The log as it is when the chain of trust is made, which the document has the hash of. */
export const CERTIFIED_LOG = 'public/logs/certified.log';
const DOCUMENT = 'public/chain-of-trust.json';
const SIGNATURE = 'public/chain-of-trust.json.sig';
const CLEAR_SIGNED = 'public/chainOfTrust.json.asc';

/** The names of all artifacts that are uploaded with these keys. */
export function chainOfTrustNames({ ed25519, openpgp }: SigningKeys): string[] {
  return [CERTIFIED_LOG, ...(ed25519 ? [DOCUMENT, SIGNATURE] : []), ...(openpgp ? [CLEAR_SIGNED] : [])];
}

/**
 * Signs a document with each key: with Ed25519 as generic-worker does, over the exact bytes of a file of its own; with
 * OpenPGP as docker-worker and taskcluster-worker did, in one file.
 */
export async function signedFiles(
  document: string,
  { ed25519, openpgp }: SigningKeys,
): Promise<SignedFile[]> {
  const content = Buffer.from(document);
  const files: SignedFile[] = [];
  if (ed25519) {
    const signature = ed25519.sign(content);
    files.push({ name: DOCUMENT, contentType: TEXT, content });
    files.push({ name: SIGNATURE, contentType: 'application/octet-stream', content: signature });
  }
  if (openpgp) {
    const signed = await openpgp.clearSign(document);
    files.push({ name: CLEAR_SIGNED, contentType: TEXT, content: Buffer.from(signed) });
  }
  return files;
}
