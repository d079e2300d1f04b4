import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { sentryServer } from '../pool/crash-reports/sentry-server.ts';
import { start } from './tcw.ts';
import { queueForWorkers } from './workers.ts';
import { Secret } from '../../src/pulse/index.ts';

/** A worker that meets an error nobody expected, as soon as it listens; it is loaded beside tcw. */
async function crashing(environment: Record<string, string> = {}, dsn?: string) {
  const token = 'token-of-the-crashing-worker';
  const workers = await queueForWorkers({
    clients: [
      {
        clientId: 'worker',
        accessToken: new Secret(token),
        scopes: ['queue:claim-work:test/processes', 'queue:worker-id:*', 'auth:sentry:generic-worker'],
      },
    ],
    ...(dsn !== undefined && { sentryDsns: { 'generic-worker': dsn } }),
  });
  onTestFinished(() => workers.close());
  const folder = await mkdtemp(join(tmpdir(), 'tcw-crash-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, 'crash.mjs');
  await writeFile(
    script,
    `process.stderr.write = new Proxy(process.stderr.write, { apply(write, self, words) {
       if (String(words[0]).includes('worker listening')) setTimeout(() => { throw new Error('boom with ${token}'); });
       return Reflect.apply(write, self, words);
     } });`,
  );
  const child = start(workers.words(), {
    environment: {
      ...workers.environment,
      TCW_ACCESS_TOKEN: token,
      NODE_OPTIONS: `--import=${script}`,
      ...environment,
    },
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said, token };
}

it('an uncaught error is reported to Sentry before the worker exits with 69', async () => {
  const { dsn, taken } = await sentryServer();
  const { code, said, token } = await crashing({}, dsn);
  expect(code).toBe(69);
  expect(said).toContain('tcw: unexpected error: Error: boom with [redacted]');
  expect(said).not.toContain(token);
  expect(taken).toHaveLength(1);
  expect(taken[0]?.parts[2]).toMatchObject({
    exception: { values: [{ type: 'Error', value: 'boom with [redacted]' }] },
  });
  expect(taken[0]?.body).not.toContain(token);
});

it('the worker also exits if there is no Sentry', async () => {
  const { code, said } = await crashing();
  expect(code).toBe(69);
  expect(said).toContain('the deployment has no Sentry');
});
