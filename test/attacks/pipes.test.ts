import { existsSync, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { alive, newFolder, newMarker, sleeping } from '../engines/native-fixtures.ts';
import { startWorker } from '../engines/native-worker.ts';
import { namespaced, newTracer, workers } from './hostile.ts';

describe.each(workers)('the pipes of a run of $user ($containment)', ({ containment, prefix }) => {
  it.runIf(process.platform === 'linux')('have no names', async () => {
    const folder = await newFolder();
    const seen: unknown[] = [];
    const watcher = watch(folder, (_event, name) => seen.push(name));
    onTestFinished(() => {
      watcher.close();
    });
    const env = ['env', `TMPDIR=${folder}`];
    const { finish } = await startWorker([...env, ...prefix], 'echo done', { containment, toItsEnd: true });
    expect(await finish()).toEqual({ exitCode: 0, output: 'done\n' });
    expect(seen).toEqual([]);
  });
});

describe.each(namespaced)('a task of $user in a PID namespace', ({ containment, prefix }) => {
  it('cannot run anything outside through the descriptors of a command that is starting', async () => {
    const [tracer, folder] = [await newTracer(), await newFolder()];
    // An echo of the shell itself, so that it shows where the shell is that reads it: inside, numbers are small.
    const text = `\necho $$ >>${folder}/ran\n`;
    const line = `${tracer} write 0 '${text}' 1 & sleep 0.1`;
    const { finish } = await startWorker(prefix, line, {
      containment,
      toItsEnd: true,
      more: 150,
      graceMs: 0,
    });
    expect(await finish()).toMatchObject({ exitCode: 0 });
    const ran = existsSync(path.join(folder, 'ran'))
      ? await readFile(path.join(folder, 'ran'), 'latin1')
      : '';
    expect(ran.split('\n').filter(pid => Number(pid) > 1_000)).toEqual([]);
  });
});

describe.each(namespaced.filter(({ user }) => user === 'root'))(
  'a task of $user in a PID namespace that replaces its /proc',
  ({ containment, prefix }) => {
    it('reveals nothing of the machine', async () => {
      const line = `umount -l /proc; cat /proc/${process.pid}/comm; ls /proc | grep -c '^[0-9]'`;
      const { finish } = await startWorker(prefix, line, { containment, toItsEnd: true });
      const { output } = await finish();
      expect(output).toContain('No such file');
      expect(output.split('\n').at(-2)).toBe('0');
    });

    it('blocks only itself with pipes in its place', async () => {
      const marker = newMarker();
      const pids = 'for pid in self 1 2 3 4 5 6 7 8 9';
      const line = `
        mount -t tmpfs none /proc
        ${pids}; do mkdir -p /proc/$pid/fd; mkfifo /proc/$pid/fd/1 /proc/$pid/stat /proc/$pid/oom_score_adj; done
        trap '' TERM
        sleep ${marker}`;
      const { finish } = await startWorker(prefix, line, { containment, graceMs: 500 });
      await sleeping(marker, 1);
      expect(await finish()).toMatchObject({ exitCode: 137 });
      expect(await alive(marker)).toEqual([]);
    });
  },
);
