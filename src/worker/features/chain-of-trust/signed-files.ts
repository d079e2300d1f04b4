import type { Ed25519Key, OpenpgpPrivateKey } from '../../../base/index.ts';

/** The signing keys of a worker that has at least one. */
export interface SigningKeys {
  readonly ed25519?: Ed25519Key | undefined;
  readonly openpgp?: OpenpgpPrivateKey | undefined;
}

/** An artifact, which is compressed with gzip when it is stored. */
interface SignedFile {
  readonly name: string;
  readonly contentType: string;
  readonly content: Buffer;
}

const TEXT = 'text/plain; charset=utf-8';

/** The log at the time of the signature. The document contains its hash. */
export const CERTIFIED_LOG = 'public/logs/certified.log';
const DOCUMENT = 'public/chain-of-trust.json';
const SIGNATURE = 'public/chain-of-trust.json.sig';
const CLEAR_SIGNED = 'public/chainOfTrust.json.asc';

/** Returns the names of all artifacts that are uploaded with these keys. */
export function chainOfTrustNames({ ed25519, openpgp }: SigningKeys): string[] {
  return [CERTIFIED_LOG, ...(ed25519 ? [DOCUMENT, SIGNATURE] : []), ...(openpgp ? [CLEAR_SIGNED] : [])];
}

/**
 * Signs a document with each key. With Ed25519, the signature of the exact bytes is a separate file, as in
 * generic-worker. With OpenPGP, document and signature are one file, as in docker-worker and
 * taskcluster-worker.
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
