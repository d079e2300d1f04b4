import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** A certificate with its chain, and its key, both in PEM format. */
export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

interface TlsFiles {
  readonly livelogCertificate?: string;
  readonly livelogKey?: string;
}

/**
 * Reads the certificate and key for encrypting live logs and shells.
 *
 * @returns undefined if none is configured
 * @throws Error that says what is wrong with the files and how to fix it
 */
export function readTls({ livelogCertificate, livelogKey }: TlsFiles): Tls | undefined {
  if (livelogCertificate === undefined && livelogKey === undefined) return undefined;
  if (livelogCertificate === undefined)
    throw new Error('livelogKey is set and livelogCertificate is not: configure both, or neither');
  if (livelogKey === undefined)
    throw new Error('livelogCertificate is set and livelogKey is not: configure both, or neither');
  const tls = {
    cert: readPem('livelogCertificate', livelogCertificate),
    key: readPem('livelogKey', livelogKey),
  };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new Error(
      `livelogCertificate ${livelogCertificate} and livelogKey ${livelogKey} cannot be used together: ` +
        `${(error as Error).message}. Both must be PEM, and the key must be the certificate's`,
      { cause: error },
    );
  }
  return tls;
}

function readPem(property: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`${property} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
