import { PassThrough } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { Secret } from '../../../src/base/index.ts';
import { connectRunner, runnerHost } from '../../../src/pool/index.ts';
import { PATIENCE_MS } from '../../patience.ts';
import { fakeTimers } from '../../streams/virtual-time.ts';
import { workerConfig } from '../../worker/unit/worker-config.ts';

const MINUTE_MS = 60_000;

it('finishes its tasks five minutes before its credentials expire if its runner has died', async () => {
  fakeTimers();
  const input = new PassThrough();
  const certificate = new Secret(JSON.stringify({ expiry: Date.now() + 60 * MINUTE_MS }));
  const runner = connectRunner({ input, output: new PassThrough() });
  const host = runnerHost(runner, workerConfig({ certificate }), () => undefined);
  const seen: unknown[] = [];
  host.shutdownRequest$.subscribe(leave => seen.push(leave));
  input.destroy();
  await vi.advanceTimersByTimeAsync(54 * MINUTE_MS);
  expect(seen).toEqual([]);
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(seen).toMatchObject([{ how: 'finish', because: expect.stringContaining('has ended') as unknown }]);
});

it('receives what the runner sent before the configuration was read', async () => {
  const input = new PassThrough();
  const runner = connectRunner({ input, output: new PassThrough() });
  input.write('~{"type":"welcome","capabilities":[]}\n');
  input.write('~{"type":"new-credentials","client-id":"new","access-token":"x"}\n');
  input.write('~{"type":"graceful-termination","finish-tasks":false}\n');
  await runner.welcomed(PATIENCE_MS);
  const host = runnerHost(runner, workerConfig({}), () => undefined);
  const seen: unknown[] = [];
  host.shutdownRequest$.subscribe(({ how }) => seen.push(how));
  await expect.poll(() => seen).toEqual(['now']);
  expect(host.credentials?.().clientId).toBe('new');
  await runner.close();
});
