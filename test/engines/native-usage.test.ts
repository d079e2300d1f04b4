import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { engines, openSandbox, newMarker, sleeping, Log, PATH } from './native-fixtures.ts';
import { waitFor } from '../wait-for.ts';

const MIB = 1024 * 1024;
/** Uses about half a second of CPU time, or more. */
const burn = 'i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done';

describe.each(engines.filter(({ capabilities }) => capabilities.has('usage')))(
  'the resource usage of a run ($containment)',
  engine => {
    it('is zero at first', async () => {
      const { sandbox } = await openSandbox(engine);
      const usage = await sandbox.usage?.();
      expect(usage?.processes).toBeLessThanOrEqual(1);
      expect(usage?.memoryBytes).toBeLessThan(5 * MIB);
      expect((usage?.userMs ?? 0) + (usage?.kernelMs ?? 0)).toBeLessThan(100);
    });

    it('includes the CPU time of processes that have ended, commands and their children alike', async () => {
      const { sandbox, shell } = await openSandbox(engine);
      const { userMs = 0, kernelMs = 0 } = await shell(`sh -c '${burn}' & sh -c '${burn}'; wait`);
      const usage = await sandbox.usage?.();
      const reportedMs = (usage?.userMs ?? 0) + (usage?.kernelMs ?? 0);
      expect(reportedMs).toBeGreaterThan(0.8 * (userMs + kernelMs));
      expect(reportedMs).toBeLessThan(1.2 * (userMs + kernelMs) + 100);
      await shell(burn);
      const after = await sandbox.usage?.();
      expect((after?.userMs ?? 0) + (after?.kernelMs ?? 0)).toBeGreaterThan(1.2 * reportedMs);
    });

    it('never decreases, except for memory and processes', async () => {
      const { sandbox, shell } = await openSandbox(engine);
      const running = shell(`for n in 1 2 3 4 5 6; do sh -c '${burn.replace('600000', '100000')}'; done`);
      let before = await sandbox.usage?.();
      let over = false;
      void running.then(() => (over = true));
      while (!over) {
        // A read may complete without a turn of the event loop.
        await nextTurn();
        const usage = await sandbox.usage?.();
        for (const name of ['userMs', 'kernelMs', 'readBytes', 'writtenBytes', 'peakMemoryBytes'] as const) {
          expect(usage?.[name] ?? 0).toBeGreaterThanOrEqual(before?.[name] ?? 0);
        }
        before = usage;
      }
      await running;
    });

    it('includes memory that a process used between two samples', async () => {
      const { sandbox } = await openSandbox(engine);
      const code = `
        let memory = Buffer.alloc(${200 * MIB}, 1);
        memory = undefined;
        setTimeout(() => { gc(); setTimeout(() => console.log('freed'), 500); setTimeout(() => undefined, 600_000); }, 100);`;
      const output = new Log();
      const argv = [process.execPath, '--expose-gc', '-e', code];
      const running = sandbox.run({ argv, env: { PATH }, output });
      await waitFor(() => {
        expect(output.text).toBe('freed\n');
      });
      const usage = await sandbox.usage?.();
      expect(usage?.memoryBytes).toBeLessThan(200 * MIB);
      expect(usage?.peakMemoryBytes).toBeGreaterThan(200 * MIB);
      await sandbox.close();
      await running;
    });

    it('includes what was written to storage, even by processes that have ended', async () => {
      const { sandbox, shell } = await openSandbox(engine);
      await shell('sh -c "dd if=/dev/zero of=big bs=1M count=16 conv=fsync 2>/dev/null"; sync');
      const usage = await sandbox.usage?.();
      // Writes to a folder in memory do not count as storage.
      expect([0, 16 * MIB]).toContain(Math.min(usage?.writtenBytes ?? 0, 16 * MIB));
      expect(usage?.writtenBytes).toBeTypeOf('number');
    });

    it('covers this run only, and counts all its processes wherever they are', async () => {
      const [ours, other] = [await openSandbox(engine), await openSandbox(engine)];
      const marker = newMarker();
      const line = `(setsid sleep ${marker} &); env -i sleep ${marker} & sleep ${marker}`;
      const running = ours.shell(line);
      await sleeping(marker, 3);
      expect((await ours.sandbox.usage?.())?.processes).toBeGreaterThanOrEqual(4);
      expect((await other.sandbox.usage?.())?.processes).toBeLessThanOrEqual(1);
      await ours.sandbox.close();
      await running;
      expect((await ours.sandbox.usage?.())?.processes).toBe(0);
    });
  },
);

const namespaces = engines.filter(({ containment }) => containment === 'pid-namespace');
describe.each(namespaces)('in a PID namespace', engine => {
  it('orphans are counted after they have ended', async () => {
    const { sandbox, shell } = await openSandbox(engine);
    const { log } = await shell(
      `(sh -c '${burn}; : >done' &); until [ -e done ]; do sleep 0.05; done; echo ok`,
    );
    expect(log.text).toBe('ok\n');
    await waitFor(async () => {
      const usage = await sandbox.usage?.();
      expect((usage?.userMs ?? 0) + (usage?.kernelMs ?? 0)).toBeGreaterThan(200);
    });
  });
});
