import { constants } from 'node:os';
import { symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { runPs, readProc } from '../../src/worker/engines/native/processes/process-table.ts';
import {
  alive,
  engines,
  findProgram,
  Log,
  newFolder,
  newMarker,
  openSandbox,
  PATH,
  searchPathOf,
  sleeping,
} from './native-fixtures.ts';
import { startWorker } from './native-worker.ts';

const hasNamespaces = engines.some(({ containment }) => containment === 'pid-namespace');
const tools = ['env', 'grep', 'mkfifo', 'nice'];

describe('the containment', () => {
  it.runIf(hasNamespaces)('is a PID namespace if possible', async () => {
    expect(await nativeEngine()).toMatchObject({ containment: 'pid-namespace', fallbackReason: undefined });
  });

  it('is the process group, without a warning, if it is configured', async () => {
    const engine = await nativeEngine({ containment: 'process-group' });
    expect(engine).toMatchObject({ containment: 'process-group', fallbackReason: undefined });
  });

  it('falls back with a reason if programs are missing', async () => {
    const engine = await nativeEngine({ searchPath: await searchPathOf(...tools) });
    expect(engine.containment).toBe('process-group');
    expect(engine.fallbackReason).toMatch(/^(the programs unshare, nsenter and setsid|only Linux)/);
  });

  it('is refused with the reason if it is configured but impossible', async () => {
    const searchPath = await searchPathOf(...tools);
    await expect(nativeEngine({ containment: 'pid-namespace', searchPath })).rejects.toThrow(
      /^The containment "pid-namespace" does not work on this machine: (the programs unshare|only Linux)/,
    );
  });

  it('needs some programs in either case', async () => {
    const searchPath = await searchPathOf('env');
    await expect(nativeEngine({ searchPath })).rejects.toThrow('needs the program nice');
  });

  it.runIf(hasNamespaces)('falls back if the system forbids namespaces', async () => {
    // Root without the right to create namespaces: in a user namespace that allows no more of them.
    const forbidding = `
      echo 0 >/proc/sys/user/max_user_namespaces &&
      exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin -- "$@"`;
    const marker = newMarker();
    const prefix = ['unshare', '--user', '--map-root-user', '--', 'sh', '-c', forbidding, 'sh'];
    const worker = await startWorker(prefix, `echo hello; setsid sleep ${marker} & wait`);
    expect(worker.containment).toBe('process-group');
    expect(worker.fallbackReason).toMatch(/^unshare: unshare failed: /);
    await sleeping(marker, 1);
    expect(await worker.finish()).toEqual({ exitCode: 143, output: 'hello\n' });
    expect(await alive(marker)).toEqual([]);
  });
});

const shells = ['dash', 'bash', 'busybox'].filter(name => findProgram(name) !== undefined);

describe.each(engines)('with any shell of the machine ($containment)', ({ containment }) => {
  it.each(shells)('%s: commands start and end', async name => {
    const folder = await newFolder();
    const shell = path.join(folder, 'sh');
    await symlink(findProgram(name) ?? '', shell);
    const engine = await nativeEngine({ containment, shell });
    const { sandbox, shell: run } = await openSandbox(engine);

    const usual = { PATH, A: "b'c", LANG: 'C.UTF-8', LC_ALL: 'xx_XX' };
    const odd = { ...usual, PWD: '/x', SHLVL: '5', _: 'y', PS1: '$ ', 'a.b': '', IFS: 'b' };
    for (const env of [usual, odd]) {
      const seen = new Log();
      await sandbox.run({ argv: ['env', '-0'], env, output: seen });
      const expected = Object.entries(env).map(([variable, value]) => `${variable}=${value}`);
      const entries = seen.text
        .split('\0')
        .filter(entry => entry !== '' && !entry.startsWith('TCW_SANDBOX='));
      expect(entries.sort()).toEqual(expected.sort());
    }

    const { exitCode, userMs, log } = await run('kill -s SEGV $$');
    expect([exitCode, log.text]).toEqual([139, '']);
    expect(userMs).toBeTypeOf('number');
    expect(await run('trap "exit 7" TERM; kill 0; sleep 5')).toMatchObject({ exitCode: 7 });

    const marker = newMarker();
    const stopped = run(`trap 'exit 4' TERM; (setsid sh -c 'sleep ${marker} &' &); sleep ${marker} & wait`);
    await sleeping(marker, 2);
    await sandbox.stop(60_000);
    expect(await stopped).toMatchObject({ exitCode: 4 });
    expect(await alive(marker)).toEqual([]);
  });

  it.each(shells)('%s: all processes end with the worker', async name => {
    const shell = path.join(await newFolder(), 'sh');
    await symlink(findProgram(name) ?? '', shell);
    const searchPath = await searchPathOf(...tools, 'nsenter', 'setsid', 'unshare');
    const marker = newMarker();
    const line = `(setsid sh -c 'sleep ${marker} & exit' &); sleep ${marker}`;
    const worker = await startWorker([], line, { containment, shell, searchPath });
    await sleeping(marker, 2);
    worker.kill();
    await expect.poll(() => alive(marker)).toEqual([]);
  });
});

describe.runIf(hasNamespaces)('without env(1) that can reset signals, as before coreutils 8.31', () => {
  it('a command still starts with the default action for every signal', async () => {
    const searchPath = await searchPathOf('mkfifo', 'nice', 'nsenter', 'setpriv', 'setsid', 'unshare');
    const older = `#!/bin/sh\ncase $1 in --*) exit 125 ;; esac\nexec ${findProgram('env')} "$@"\n`;
    await writeFile(path.join(searchPath, 'env'), older, { mode: 0o755 });
    const engine = await nativeEngine({ containment: 'pid-namespace', searchPath });
    const { shell } = await openSandbox(engine);
    for (const signal of ['INT', 'QUIT', 'TERM'] as const) {
      expect(await shell(`kill -s ${signal} $$`)).toMatchObject({
        exitCode: 128 + constants.signals[`SIG${signal}`],
      });
    }
  });
});

describe.runIf(process.platform === 'linux')('the process table', () => {
  it('is the same from /proc and from ps', async () => {
    const own = (rows: Awaited<ReturnType<typeof runPs>>) => rows.find(({ pid }) => pid === process.pid);
    const [fromProc, fromPs] = [own(readProc()), own(await runPs())];
    const { pid, ppid } = process;
    expect(fromProc).toMatchObject({ pid, parent: ppid, zombie: false });
    expect(fromPs).toMatchObject({ pid, parent: ppid, zombie: false, group: fromProc?.group });
  });
});
