import { createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { metadataServer, type Answer } from './metadata-server.ts';

interface Bootstrap {
  readonly rootUrl: string;
  readonly workerPoolId: string;
  readonly providerId: string;
  readonly workerGroup: string;
}

const TOKEN_PATH = '/latest/api/token';

/** A machine of AWS, whose identity document is signed with a key of its own. */
export function awsMachine() {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const instance = {
    instanceId: `i-${randomUUID().slice(0, 12)}`,
    region: 'us-west-2',
    availabilityZone: 'us-west-2a',
    instanceType: 'c5.large',
    imageId: 'ami-1',
    privateIp: '10.0.0.7',
    accountId: '123',
    architecture: 'x86_64',
  };
  // As AWS has it: over several lines, whose bytes are signed.
  const document = JSON.stringify({ ...instance, version: '2017-09-30' }, undefined, 2);
  const signature = createSign('RSA-SHA256').update(document).sign(privateKey, 'base64');
  return {
    publicKey,
    instance,
    document,
    signature,
    /** Starts its metadata service, version 2: without a token, nothing is answered. */
    start: (userData: Bootstrap) => {
      const token = randomUUID();
      const answers: [string, Answer][] = [
        [TOKEN_PATH, token],
        ['/latest/user-data', JSON.stringify({ ...userData, launchConfigId: 'lc-1' })],
        ['/latest/dynamic/instance-identity/document', document],
        ['/latest/dynamic/instance-identity/signature', signature],
        ['/latest/meta-data/public-hostname', 'machine.example.com'],
        ['/latest/meta-data/public-ipv4', '203.0.113.7'],
      ];
      return metadataServer(answers, ({ method, url, headers }) => {
        if (url === TOKEN_PATH) {
          if (method !== 'PUT') return 405;
          return headers['x-aws-ec2-metadata-token-ttl-seconds'] === '21600' ? undefined : 400;
        }
        return method === 'GET' && headers['x-aws-ec2-metadata-token'] === token ? undefined : 401;
      });
    },
  };
}
