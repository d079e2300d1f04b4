import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestCertificate extends Disposable {
  readonly livelogCertificate: string;
  readonly livelogKey: string;
}

/** Makes a self-signed certificate for 127.0.0.1. */
export function testCertificate(): TestCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'tcw-tls-'));
  const [livelogKey, livelogCertificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...kind, '-keyout', livelogKey, '-out', livelogCertificate, ...subject],
    { stdio: 'pipe' },
  );
  return {
    livelogCertificate,
    livelogKey,
    [Symbol.dispose]: () => {
      rmSync(folder, { recursive: true });
    },
  };
}
