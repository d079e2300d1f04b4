import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { engines, insideOnly, Log, newMarker, openSandbox, PATH, sleeping } from './native-fixtures.ts';
import { waitFor } from '../wait-for.ts';

describe.each(engines)('a command in a sandbox ($containment)', engine => {
  it.each([0, 1, 42, 255])('ends with its exit code %i', async code => {
    const { shell } = await openSandbox(engine);
    expect(await shell(`exit ${code}`)).toMatchObject({ exitCode: code });
  });

  it.each([
    ['TERM', 143],
    ['KILL', 137],
    ['SEGV', 139],
    ['USR1', 138],
  ])('ended by SIG%s has exit code %i', async (signal, code) => {
    const { shell } = await openSandbox(engine);
    expect(await shell(`kill -s ${signal} $$`)).toMatchObject({ exitCode: code });
  });

  it('starts in the folder of the run, with an empty standard input', async () => {
    const { shell, folder } = await openSandbox(engine);
    expect((await shell('pwd -P; cat')).log.text).toBe(`${await realpath(folder)}\n`);
  });

  it('reports its duration and CPU time, including its children', async () => {
    const { shell } = await openSandbox(engine);
    const result = await shell("sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'; sleep 0.1");
    expect(result.wallMs).toBeGreaterThan(100);
    expect(result.userMs).toBeGreaterThan(0);
    expect(result.userMs).toBeLessThan(result.wallMs);
    expect(result.kernelMs).toBeGreaterThanOrEqual(0);
  });

  it('survives a signal that it sends to its own process group and handles', async () => {
    const { shell } = await openSandbox(engine);
    expect(await shell('trap "exit 7" TERM; kill 0; sleep 5')).toMatchObject({ exitCode: 7 });
  });

  it('starts with the default action for every signal', async () => {
    const { shell } = await openSandbox(engine);
    for (const signal of ['HUP', 'INT', 'QUIT', 'TERM', 'USR1', 'USR2', 'ALRM', 'PIPE']) {
      const { exitCode } = await shell(`sh -c 'kill -s ${signal} $$; exit 3'; [ $? -gt 128 ]`);
      expect([signal, exitCode]).toEqual([signal, 0]);
    }
  });

  it.runIf(process.platform === 'linux')(
    'has a process group and a session that it can refer to',
    async () => {
      const { shell } = await openSandbox(engine);
      const { log } = await shell('read -r _ _ _ _ group session _ </proc/$$/stat; echo "$group $session"');
      expect(log.text).toMatch(/^[1-9]\d* [1-9]\d*\n$/);
    },
  );

  it('can reach what an earlier command left running', async () => {
    const { shell } = await openSandbox(engine);
    await shell(`sleep ${newMarker()} & echo $! >server`);
    expect(await shell('kill -s 0 "$(cat server)"')).toMatchObject({ exitCode: 0 });
  });

  it('does not run at the same time as another one of its run', async () => {
    const { shell } = await openSandbox(engine);
    const first = shell('sleep 0.3');
    await expect(shell('true')).rejects.toThrow('running in the sandbox already');
    expect(await first).toMatchObject({ exitCode: 0 });
    expect(await shell('true')).toMatchObject({ exitCode: 0 });
  });
});

describe.each(engines)('the output of a command ($containment)', engine => {
  it('contains standard output and standard error in order', async () => {
    const { shell } = await openSandbox(engine);
    const { log } = await shell(
      'i=0; while [ $i -lt 500 ]; do echo "$i out"; echo "$i err" >&2; i=$((i+1)); done',
    );
    const lines = Array.from({ length: 500 }, (_, i) => `${i} out\n${i} err\n`);
    expect(log.text).toBe(lines.join(''));
  });

  it('contains every byte unchanged', async () => {
    const { shell, folder } = await openSandbox(engine);
    const bytes = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      randomBytes(300_000),
    ]);
    await writeFile(path.join(folder, 'bytes'), bytes);
    expect((await shell('cat bytes')).log.bytes.equals(bytes)).toBe(true);
  });

  it('can be written through /dev/stdout and /dev/stderr', async () => {
    const { shell } = await openSandbox(engine);
    expect((await shell('echo a >/dev/stdout; echo b >/dev/stderr')).log.text).toBe('a\nb\n');
  });

  it('contains nothing of the shells that start the command', async () => {
    const { shell } = await openSandbox(engine);
    expect((await shell('kill -s KILL $$')).log.text).toBe('');
  });

  it('is complete when 50 MB are written, and never accumulates in the worker', async () => {
    const { sandbox } = await openSandbox(engine);
    const hash = createHash('sha256');
    let highest = 0;
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        highest = Math.max(highest, output.writableLength);
        setImmediate(done);
      },
    });
    const argv = ['sh', '-c', 'yes 0123456789abcde | head -c 52428800'];
    expect(await sandbox.run({ argv, env: { PATH }, output })).toMatchObject({ exitCode: 0 });
    await new Promise<void>(done => output.end(done));
    const expected = createHash('sha256');
    const part = '0123456789abcde\n'.repeat(1024);
    for (let i = 0; i < 52428800 / part.length; i++) expected.update(part);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    expect(highest).toBeLessThan(256 * 1024);
  });

  it('slows the command down if nobody reads it', async () => {
    const { sandbox, folder } = await openSandbox(engine);
    let received = 0;
    let goOn: (() => void) | undefined;
    const output = new Writable({
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        if (received === chunk.length) goOn = done;
        else done();
      },
    });
    const argv = ['sh', '-c', 'head -c 5000000 /dev/zero; touch finished'];
    const run = sandbox.run({ argv, env: { PATH }, output });
    await waitFor(() => {
      expect(goOn).toBeDefined();
    });
    await sleep(300);
    expect(existsSync(path.join(folder, 'finished'))).toBe(false);
    goOn?.();
    expect(await run).toMatchObject({ exitCode: 0 });
    expect(existsSync(path.join(folder, 'finished'))).toBe(true);
    expect(received).toBe(5_000_000);
  });

  it('is read to its end even if a background process holds it open', async () => {
    const { sandbox } = await openSandbox(engine);
    const marker = newMarker();
    let received = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        setTimeout(done, 20);
      },
    });
    const argv = ['sh', '-c', `sleep ${marker} & head -c 400000 /dev/zero`];
    expect(await sandbox.run({ argv, env: { PATH }, output: slow })).toMatchObject({ exitCode: 0 });
    await sleeping(marker, 1);
    await new Promise<void>(done => slow.end(done));
    expect(received).toBe(400_000);
  });

  it('does not delay the end of the command while a background process continues to write', async () => {
    const { shell } = await openSandbox(engine);
    const { log } = await shell('yes >/dev/stdout & echo begun >&2');
    expect(log.text).toContain('begun');
  });

  it('includes what a background process of an earlier command writes later', async () => {
    const { shell } = await openSandbox(engine);
    await shell('(while [ ! -e go ]; do sleep 0.02; done; echo late; touch said) &');
    const { log } = await shell('touch go; while [ ! -e said ]; do sleep 0.02; done');
    expect(log.text).toBe('late\n');
  });

  // Only where a run has its own mounts and may change them.
  if (engine.containment === 'pid-namespace' && process.getuid?.() === 0) {
    it('is complete even if an earlier command has hidden /proc', async () => {
      const { shell } = await openSandbox(engine);
      expect(await shell(`${await insideOnly()} mount -t tmpfs none /proc`)).toMatchObject({ exitCode: 0 });
      const { exitCode, log } = await shell('test ! -e /proc/self && echo out && echo error >&2');
      expect([exitCode, log.text]).toEqual([0, 'out\nerror\n']);
    });
  }

  it.each([
    // If Node is killed, it cannot undo its change to the mode of the pipe.
    ['killed', 'process.stdout.write("x", () => process.kill(process.pid, "SIGKILL"))'],
    [
      'left running',
      'process.stdout.write("x", () => require("fs").writeFileSync("up", "")); setInterval(() => {}, 1e6)',
    ],
  ])('is not broken by an earlier program that made the pipe non-blocking and was %s', async (_, program) => {
    const { sandbox, shell } = await openSandbox(engine);
    await shell(
      `'${process.execPath}' -e '${program}' & while [ -e /proc/$! ] && [ ! -e up ]; do sleep 0.02; done`,
    );
    let received = 0;
    const slow = new Writable({
      highWaterMark: 1,
      write(chunk: Buffer, _encoding, done) {
        received += chunk.length;
        setTimeout(done, 5);
      },
    });
    const { exitCode } = await sandbox.run({
      argv: ['head', '-c', '1000000', '/dev/zero'],
      env: { PATH },
      output: slow,
    });
    await new Promise<void>(done => slow.end(done));
    expect([exitCode, received]).toEqual([0, 1_000_000]);
  });

  it('that fails does not block the command', async () => {
    const { sandbox } = await openSandbox(engine);
    const output = new Writable({
      write(_chunk, _encoding, done) {
        done(new Error('disk full'));
      },
    });
    output.on('error', () => undefined);
    const argv = ['sh', '-c', 'head -c 3000000 /dev/zero; exit 5'];
    expect(await sandbox.run({ argv, env: { PATH }, output })).toMatchObject({ exitCode: 5 });
  });
});

describe.each(engines)('the environment of a command ($containment)', engine => {
  /** With `process-group`, the environment of each process contains the mark of its run. */
  const withoutMark = (env: string[]) => env.filter(entry => !entry.startsWith('TCW_SANDBOX='));

  async function environmentSeen(env: Record<string, string>): Promise<string[]> {
    const { sandbox } = await openSandbox(engine);
    const log = new Log();
    await sandbox.run({ argv: ['/usr/bin/env', '-0'], env, output: log });
    await sandbox.close();
    return withoutMark(log.text.split('\0').slice(0, -1)).sort();
  }

  const entries = (env: Record<string, string>) =>
    Object.entries(env).map(([name, value]) => `${name}=${value}`);

  it('contains exactly the given variables, and none of the worker', async () => {
    process.env.TCW_TEST_SECRET = 'of the worker';
    expect(await environmentSeen({})).toEqual([]);
    delete process.env.TCW_TEST_SECRET;
  });

  it('may contain variables that shells and loaders treat specially', async () => {
    const env = Object.fromEntries(
      (
        '_ PWD OLDPWD SHLVL IFS PS1 PS2 PS4 ENV BASH_ENV BASHOPTS SHELLOPTS UID EUID PPID OPTIND RANDOM LINENO TERM ' +
        'HOSTNAME CDPATH LANG LC_ALL LD_LIBRARY_PATH HOME PATH TMOUT POSIXLY_CORRECT BASH_FUNC_printf%% COLUMNS ' +
        'TCW_CARRIED_0 TCW_CARRIED_1 a.b a-b 1a __proto__ constructor'
      )
        .split(' ')
        .map(name => [name, `value of ${name}`]),
    );
    expect(await environmentSeen(env)).toEqual(entries(env).sort());
  });

  it('is exact for any names and values', async () => {
    const text = fc.string({ unit: 'binary' }).map(value => value.replaceAll('\0', '').toWellFormed());
    const name = text.map(value => value.replaceAll('=', '')).filter(value => value !== '');
    // Another test covers variables that the C library and the loader of env(1) itself obey.
    const property = fc.asyncProperty(fc.dictionary(name, text, { maxKeys: 8 }), async env => {
      expect(await environmentSeen(env)).toEqual(entries(env).sort());
    });
    await fc.assert(property, { numRuns: 25 });
  });
});

describe.each(engines)('a command that cannot be started ($containment)', engine => {
  async function refusalOf(argv: string[], env: Record<string, string> = { PATH }): Promise<unknown> {
    const { sandbox, folder, shell } = await openSandbox(engine);
    await writeFile(path.join(folder, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
    await mkdir(path.join(folder, 'directory'));
    const refusal: unknown = await sandbox
      .run({ argv, env, output: new Log() })
      .catch((error: unknown) => error);
    // The sandbox still works.
    expect(await shell('exit 9')).toMatchObject({ exitCode: 9 });
    return refusal;
  }

  it.each([
    [['no-such-program'], 'exec: "no-such-program": executable file not found in $PATH'],
    [[''], 'exec: "": executable file not found in $PATH'],
    [['plain'], 'exec: "plain": executable file not found in $PATH'],
    [['./missing', 'x'], 'fork/exec ./missing: no such file or directory'],
    [['/no/such/place'], 'fork/exec /no/such/place: no such file or directory'],
    [['./plain'], 'fork/exec ./plain: permission denied'],
    [['./directory'], 'fork/exec ./directory: permission denied'],
    [['plain/x'], 'fork/exec plain/x: not a directory'],
    [['true', 'a\0b'], 'fork/exec true: invalid argument'],
    [['true', 'x'.repeat(200_000)], 'fork/exec true: argument list too long'],
    [[], 'exec: no command'],
  ])('%j is refused: %s', async (argv, message) => {
    expect(await refusalOf(argv)).toMatchObject({ name: 'CommandNotStarted', message });
  });

  it.each([
    [{ PATH, LARGE: 'x'.repeat(200_000) }, 'fork/exec true: argument list too long'],
    [{ PATH, 'large.too': 'x'.repeat(200_000) }, 'fork/exec true: argument list too long'],
    [{ PATH, NUL: 'a\0b' }, 'fork/exec true: invalid argument'],
    [{ PATH, 'N\0L': '' }, 'fork/exec true: invalid argument'],
    [{ PATH, 'A=B': '' }, 'fork/exec true: invalid argument'],
    [{}, 'exec: "true": executable file not found in $PATH'],
    [{ PATH: '/no/such/place:/proc' }, 'exec: "true": executable file not found in $PATH'],
  ])('is refused with this environment (%#)', async (env, message) => {
    expect(await refusalOf(['true'], env)).toMatchObject({ name: 'CommandNotStarted', message });
  });

  it('is refused after its folder was removed', async () => {
    const { shell, folder } = await openSandbox(engine);
    await shell('rm -r "$PWD"');
    await expect(shell('true')).rejects.toThrow(`chdir ${folder}: no such file or directory`);
  });
});

describe.each(engines)('the program of a command ($containment)', engine => {
  it.each(['./program', 'folder/program', './a=b', '-', '-x', 'x=y'])('may be named %s', async name => {
    const { sandbox, folder } = await openSandbox(engine);
    await mkdir(path.join(folder, 'folder'));
    await writeFile(path.join(folder, name), '#!/bin/sh\necho "$@"\n', { mode: 0o755 });
    const log = new Log();
    await sandbox.run({ argv: [name, 'a=1', '--', ' $b'], env: { PATH: `${PATH}:.` }, output: log });
    expect(log.text).toBe('a=1 --  $b\n');
  });

  it('is looked up in the PATH of the task, relative to the folder of the run', async () => {
    const { sandbox, folder } = await openSandbox(engine);
    await mkdir(path.join(folder, 'bin'));
    await writeFile(path.join(folder, 'bin', 'env'), '#!/bin/sh\necho mine\n', { mode: 0o755 });
    const log = new Log();
    await sandbox.run({ argv: ['env'], env: { PATH: `bin:${PATH}` }, output: log });
    expect(log.text).toBe('mine\n');
  });
});
