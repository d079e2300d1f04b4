import { createSign, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { refusalOf, startQueue, TASK_QUEUE_ID, WORKER } from './queue-under-test.ts';

const ISSUER = 'https://accounts.google.com';
const ACCOUNT = '112233445566778899';
const compute = { project_id: 'a-project', instance_id: WORKER.workerId };
const keys = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
const { publicKey, privateKey } = keys();
const encoded = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
const now = () => Math.floor(Date.now() / 1_000);

/** A token as Google's metadata service makes one. */
function tokenOf(claims: object, { alg = 'RS256', key = privateKey } = {}): string {
  const text = `${encoded({ alg, typ: 'JWT', kid: 'k' })}.${encoded(claims)}`;
  return `${text}.${createSign('RSA-SHA256').update(text).sign(key, 'base64url')}`;
}

describe('a machine of Google', () => {
  async function launched() {
    const queue = await startQueue({ clouds: { google: { type: 'google', publicKey } } });
    const manager = queue.connectTo('worker-manager');
    await manager.createWorkerPool(TASK_QUEUE_ID, {
      providerId: 'google',
      description: 'd',
      owner: 'nobody@example.com',
      emailOnError: false,
      config: {},
    });
    const instance = { ...compute, sub: ACCOUNT };
    await queue.requestWorker({ workerPoolId: TASK_QUEUE_ID, ...WORKER, instance });
    const register = (token: string) =>
      manager.registerWorker({
        workerPoolId: TASK_QUEUE_ID,
        providerId: 'google',
        ...WORKER,
        workerIdentityProof: { token },
      });
    const claims = {
      iss: ISSUER,
      aud: queue.rootUrl,
      sub: ACCOUNT,
      iat: now(),
      exp: now() + 3_600,
      google: { compute_engine: compute },
    };
    return { queue, register, claims };
  }

  it('registers once with the token that Google created for it', async () => {
    const { queue, register, claims } = await launched();
    await using _ = queue;
    const token = tokenOf(claims);
    expect(await register(token)).toMatchObject({ credentials: { clientId: expect.any(String) as string } });
    expect(await refusalOf(register(token))).toMatchObject({ status: 400, text: 'Token validation error' });
  });

  it('is refused with any other token', async () => {
    const { queue, register, claims } = await launched();
    await using _ = queue;
    const wrong = {
      'for another audience': tokenOf({ ...claims, aud: 'https://tc.example.com' }),
      'of another issuer': tokenOf({ ...claims, iss: 'https://issuer.example.com' }),
      'of another service account': tokenOf({ ...claims, sub: '1' }),
      'of another project': tokenOf({
        ...claims,
        google: { compute_engine: { ...compute, project_id: 'x' } },
      }),
      'of no machine': tokenOf({ ...claims, google: undefined }),
      'that has expired': tokenOf({ ...claims, iat: now() - 7_200, exp: now() - 3_600 }),
      'of the future': tokenOf({ ...claims, iat: now() + 3_600, exp: now() + 7_200 }),
      'that never expires': tokenOf({ ...claims, exp: now() + 10 * 86_400 }),
      'without times': tokenOf({ ...claims, iat: undefined, exp: undefined }),
      'with another algorithm': tokenOf(claims, { alg: 'none' }),
      'signed by somebody else': tokenOf(claims, { key: keys().privateKey }),
      'with a fourth part': `${tokenOf(claims)}.x`,
      'that is no token': 'a.b.c',
    };
    for (const [which, token] of Object.entries(wrong)) {
      const refusal = await refusalOf(register(token));
      expect(refusal, which).toMatchObject({ status: 400, text: 'Token validation error' });
    }
  });
});
