import { existsSync } from 'node:fs';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { waitFor } from '../../wait-for.ts';
import { faultEngine } from './fault-engine.ts';
import { engine, openSandbox } from './fixtures.ts';

afterAll(() => engine.close());

const MIB = 1024 * 1024;
const BURN = `
  memory=$(head -c ${48 * MIB} /dev/zero | tr '\\0' x)
  while read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user kernel _ </proc/$$/stat; do
    [ $(((user + kernel) * 10)) -lt 300 ] || break
  done
  head -c ${4 * MIB} /dev/zero >/written; sync
  sleep 3
  : "$memory"`;

describe('the resource usage of a run', () => {
  it('is known after its containers are removed, for all of its commands together', async () => {
    const { shell, sandbox, trace } = await openSandbox();
    const first = await shell(BURN);
    const second = await shell(BURN);
    for (const { userMs = 0, kernelMs = 0 } of [first, second])
      expect(userMs + kernelMs).toBeGreaterThan(290);
    await sandbox.close();
    const { userMs, kernelMs, peakMemoryBytes, ...now } = await sandbox.usage();
    expect(userMs + kernelMs).toBeGreaterThan(590);
    expect(peakMemoryBytes).toBeGreaterThan(32 * MIB);
    expect(now).toMatchObject({ memoryBytes: expect.any(Number) as number, processes: 0 });
    // The control group is removed with the rest.
    expect(existsSync(`/sys/fs/cgroup/memory/tcw/${trace}`)).toBe(true);
    await sandbox.remove();
    expect(existsSync(`/sys/fs/cgroup/memory/tcw/${trace}`)).toBe(false);
    expect((await sandbox.usage()).userMs).toBe(userMs);
  });

  it('includes what was written to disk in the container', async () => {
    const { shell, sandbox } = await openSandbox();
    const { signal } = new AbortController();
    expect(await sandbox.diskBytes(signal)).toBe(0);
    await shell('head -c 5000000 /dev/zero >/file');
    expect(await sandbox.diskBytes(signal)).toBeGreaterThanOrEqual(5_000_000);
  });

  it('is reported by the engine if control groups cannot be read', async () => {
    const { host } = await faultEngine('tcp');
    const remote = await dockerEngine({ host });
    onTestFinished(() => remote.close());
    const { shell, sandbox } = await openSandbox({}, remote);
    const burning = shell(BURN);
    await waitFor(async () => {
      const { memoryBytes, userMs, kernelMs, processes } = await sandbox.usage();
      expect(memoryBytes).toBeGreaterThan(32 * MIB);
      expect(userMs + kernelMs).toBeGreaterThan(290);
      expect(processes).toBeGreaterThan(0);
    });
    await burning;
    const after = await sandbox.usage();
    expect(after).toMatchObject({ memoryBytes: 0, processes: 0 });
    expect(after.userMs + after.kernelMs).toBeGreaterThan(290);
    expect(after.peakMemoryBytes).toBeGreaterThan(32 * MIB);
  });
});
