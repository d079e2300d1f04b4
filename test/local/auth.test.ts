import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import { refusalOf, startQueue } from './queue-under-test.ts';
import { createTestClock } from './test-clock.ts';

const HOUR = 3_600_000;

it('returns the DSN of a project, with and without its secret, to authorized callers', async () => {
  const clock = createTestClock();
  await using queue = await startQueue({ clock, sentryDsns: { tcw: 'https://key:secret@sentry.example/7' } });
  expect(await queue.connectTo('auth').sentryDSN('tcw')).toEqual({
    project: 'tcw',
    dsn: { secret: 'https://key:secret@sentry.example/7', public: 'https://key@sentry.example/7' },
    expires: new Date(clock.now() + 25 * HOUR).toJSON(),
  });
  const nobody = queue.connectTo('auth', queue.credentials.nobody);
  expect(await refusalOf(nobody.sentryDSN('tcw'))).toMatchObject({ status: 403 });
});

it('has no Sentry DSN for other projects', async () => {
  await using queue = await startQueue({ sentryDsns: { tcw: 'https://key:secret@sentry.example/7' } });
  for (const project of ['other', 'constructor', '__proto__']) {
    expect(await refusalOf(queue.connectTo('auth').sentryDSN(project))).toMatchObject({ status: 404 });
  }
});

it('signs tokens for a websocktunnel', async () => {
  const clock = createTestClock();
  const secret = new Secret('secret-of-the-tunnel');
  await using queue = await startQueue({ clock, websocktunnelSecret: secret });
  const answer = await queue.connectTo('auth').websocktunnelToken('tunnel', 'group.worker.1');
  const [header = '', claims = '', signature] = answer.token.split('.');
  expect(signature).toBe(
    createHmac('sha256', secret.reveal()).update(`${header}.${claims}`).digest('base64url'),
  );
  const now = Math.floor(clock.now() / 1_000);
  expect(
    [header, claims].map(part => JSON.parse(Buffer.from(part, 'base64url').toString()) as unknown),
  ).toEqual([
    { alg: 'HS256', typ: 'JWT' },
    {
      tid: 'group.worker.1',
      sub: 'group.worker.1',
      aud: 'tunnel',
      iat: now,
      nbf: now - 900,
      exp: now + 96 * 3_600,
      iss: 'taskcluster-auth',
    },
  ]);
  expect(answer).toMatchObject({ wstAudience: 'tunnel', wstClient: 'group.worker.1' });
  expect(Date.parse(answer.expires)).toBe((now + 96 * 3_600) * 1_000);
  const nobody = queue.connectTo('auth', queue.credentials.nobody);
  expect(await refusalOf(nobody.websocktunnelToken('tunnel', 'c'))).toMatchObject({ status: 403 });
});
