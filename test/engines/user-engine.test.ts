import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  constants,
  copyFileSync,
  symlinkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { execa } from 'execa';
import { taskOomScore } from '../../src/worker/engines/native/pid-namespace/limits.ts';
import { controlGroups } from '../../src/worker/engines/user/control-groups.ts';
import { uidRange, UserIds } from '../../src/worker/engines/user/user-ids.ts';
import { userEngine } from '../../src/worker/engines/user/index.ts';
import { closeSource } from '../../src/worker/files/file-source.ts';
import { makeRunFolder } from '../../src/worker/files/run-folder.ts';
import { asNobody, canBeNobody } from './native-worker.ts';
import { alive, findProgram, Log, newMarker, sleeping } from './native-fixtures.ts';
import { canBeUsers, openFolder, someUserIds, usersOwn } from './user-fixtures.ts';
import { waitFor } from '../wait-for.ts';

const ENV = { PATH: '/usr/bin:/bin' };
const script = fileURLToPath(new URL('user-engine-process.ts', import.meta.url));

describe('the uids of task users', () => {
  it('are given out once each, however many workers ask at the same time', async () => {
    const folder = openFolder();
    const count = `
      const { UserIds } = await import(${JSON.stringify(new URL('../../src/worker/engines/user/user-ids.ts', import.meta.url).href)});
      const ids = new UserIds(${JSON.stringify(folder)}, { first: 70000, last: 79999 });
      console.log(Array.from({ length: 300 }, () => ids.take()).join(' '));`;
    const outputs = await Promise.all(
      [1, 2, 3].map(() => execa(process.execPath, ['--no-warnings', '--input-type=module', '-e', count])),
    );
    const given = outputs.flatMap(({ stdout }) => stdout.split(' ').map(Number));
    expect(new Set(given).size).toBe(900);
    expect([Math.min(...given), Math.max(...given)]).toEqual([70_000, 70_899]);
  });

  it('are exhausted after the last one of the range', () => {
    const ids = new UserIds(openFolder(), { first: 70_000, last: 70_001 });
    expect([ids.take(), ids.take()]).toEqual([70_000, 70_001]);
    expect(() => ids.take()).toThrow('all users of taskUserIds (70000-70001) have been used');
  });

  it('must be a range without users of the machine', () => {
    expect(uidRange('65536-99999')).toEqual({ first: 65_536, last: 99_999 });
    for (const wrong of ['5-6', '2000-1000', '5000', 'a-b', '60000-9999999999'])
      expect(() => uidRange(wrong)).toThrow('must be two numbers');
    expect(() => uidRange('1000-65535')).toThrow(/the machine has a user in 1000-65535: nobody/);
  });
});

describe('the creation of control groups', () => {
  it('reports which limits are not available', () => {
    expect(controlGroups({ memoryMegabytes: 0, cpus: 0, processes: 0 }).missing).toBeUndefined();
    const { missing } = controlGroups({ memoryMegabytes: 1, cpus: 1, processes: 1 });
    expect(missing ?? 'the worker cannot create control groups').toContain(
      'the worker cannot create control groups',
    );
  });
});

describe.runIf(canBeUsers)('the user engine', () => {
  it('limits the memory of a run, and reports that memory ran out', async ({ skip }) => {
    const { engine, tasksDir } = await usersOwn({ limits: { memoryMegabytes: 64 } });
    if (engine.missingLimits !== undefined) skip(engine.missingLimits);
    const sandbox = await engine.open({ home: await makeRunFolder(path.join(tasksDir, 'run')) });
    onTestFinished(() => sandbox.close());
    const argv = [process.execPath, '-e', 'Buffer.alloc(300_000_000, 1)'];
    const result = await sandbox.run({ argv, env: ENV, output: new Log() });
    expect(result).toMatchObject({ exitCode: 137, memoryRanOut: true });
  });

  it('makes the kernel kill a task before the worker when memory is short', async () => {
    const { engine, tasksDir } = await usersOwn({});
    const sandbox = await engine.open({ home: await makeRunFolder(path.join(tasksDir, 'run')) });
    onTestFinished(() => sandbox.close());
    const output = new Log();
    await sandbox.run({ argv: ['cat', '/proc/self/oom_score_adj'], env: ENV, output });
    const own = Number(readFileSync('/proc/self/oom_score_adj', 'latin1'));
    expect(Number(output.text)).toBe(taskOomScore(own));
  });

  it('limits the number of processes of a run, independently of other runs', async () => {
    const { engine, tasksDir } = await usersOwn({ limits: { processes: 30 } });
    const full = await engine.open({ home: await makeRunFolder(path.join(tasksDir, 'full')) });
    const other = await engine.open({ home: await makeRunFolder(path.join(tasksDir, 'other')) });
    onTestFinished(async () => void (await Promise.all([full.close(), other.close()])));
    const output = new Log();
    const line = 'for i in $(seq 60); do sleep 60 & done';
    await full.run({ argv: ['sh', '-c', line], env: ENV, output });
    expect(output.text).toMatch(/fork/i);
    expect(await other.run({ argv: ['sh', '-c', 'true & wait'], env: ENV, output })).toMatchObject({
      exitCode: 0,
    });
  });

  it('lets a run open its output by name again, such as /dev/stdout', async () => {
    const { engine, tasksDir } = await usersOwn();
    const sandbox = await engine.open({ home: await makeRunFolder(path.join(tasksDir, 'run')) });
    onTestFinished(() => sandbox.close());
    const output = new Log();
    await sandbox.run({
      argv: ['sh', '-c', 'echo one >/dev/stdout; echo two >/dev/stderr'],
      env: ENV,
      output,
    });
    expect(output.text).toBe('one\ntwo\n');
  });

  it('looks up programs in the view of the run', async () => {
    const { engine, tasksDir } = await usersOwn();
    const sandbox = await engine.open({ home: await makeRunFolder(path.join(tasksDir, 'run')) });
    onTestFinished(() => sandbox.close());
    const output = new Log();
    const make =
      'printf "#!/bin/sh\\necho found" >/tmp/program && chmod 700 /tmp/program; cp /tmp/program closed; chmod 600 closed';
    await sandbox.run({ argv: ['sh', '-c', make], env: ENV, output });
    expect(await sandbox.run({ argv: ['/tmp/program'], env: ENV, output })).toMatchObject({ exitCode: 0 });
    expect(output.text).toBe('found\n');
    await expect(sandbox.run({ argv: ['./closed'], env: ENV, output })).rejects.toThrow('permission denied');
  });

  it.each(['private', 'machine'] as const)(
    'removes everything of a worker that was killed, with %s accounts',
    async accounts => {
      const folder = openFolder();
      const tasksDir = path.join(folder, 'tasks');
      mkdirSync(tasksDir, { mode: 0o755 });
      const marker = newMarker();
      const userIds = someUserIds();
      const worker = spawn(process.execPath, [script, tasksDir, userIds, accounts, marker], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      const [line = ''] = (await once(createInterface(worker.stdout), 'line')) as string[];
      const { name, state } = JSON.parse(line) as { name: string; state: string };
      await sleeping(marker, 1);
      expect(statSync(state).isDirectory()).toBe(true);
      if (accounts === 'machine') expect(readFileSync('/etc/passwd', 'utf8')).toContain(`\n${name}:`);
      worker.kill('SIGKILL');
      await waitFor(async () => {
        expect(await alive(marker)).toEqual([]);
      });
      const next = await userEngine({ tasksDir, userIds, accounts });
      await next.close?.();
      expect(
        readdirSync(path.join(tasksDir, '.tcw-users')).filter(each => !each.startsWith('used-')),
      ).toEqual([]);
      for (const file of ['/etc/passwd', '/etc/group'])
        expect(readFileSync(file, 'utf8')).not.toContain(`\n${name}:`);
    },
  );

  it('gives two runs two user names, and keeps the user of one when the other ends', async () => {
    const { engine, tasksDir } = await usersOwn({ accounts: 'machine' });
    const runName = `task_${randomBytes(8).toString('hex')}xxxxxx_0`;
    const make = async (name: string) =>
      engine.makeUser({ home: await makeRunFolder(path.join(tasksDir, name)), runName });
    const one = await make('one');
    const other = await make('other');
    expect(other.name).toBe(`task_${other.uid}`);
    await other[Symbol.asyncDispose]();
    expect(readFileSync('/etc/passwd', 'utf8')).toContain(`\n${one.name}:`);
    await one[Symbol.asyncDispose]();
    for (const { name } of [one, other])
      expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(`\n${name}:`);
  });

  it('removes a user right after access to its files', async () => {
    const { engine, tasksDir } = await usersOwn({ accounts: 'machine' });
    const user = await engine.makeUser({ home: await makeRunFolder(path.join(tasksDir, 'run')) });
    expect(await user.files.open('missing')).toMatchObject({ kind: 'missing' });
    await user[Symbol.asyncDispose]();
    expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(`\n${user.name}:`);
  });

  it('lists files whose names contain Unicode line separators', async () => {
    const { engine, tasksDir } = await usersOwn();
    const home = await makeRunFolder(path.join(tasksDir, 'run'));
    const names = ['a\u2028b', 'c\u2029d', 'e\nf'];
    for (const name of names) writeFileSync(path.join(home.path, name), name);
    const user = await engine.makeUser({ home });
    onTestFinished(() => user[Symbol.asyncDispose]());
    const found: string[] = [];
    for await (const file of user.files.walk('.')) found.push(path.basename(file));
    expect(found.sort()).toEqual(names);
    for (const name of names) {
      const opened = await user.files.open(name);
      expect(opened).toMatchObject({ kind: 'file', file: path.join(home.path, name) });
      if (opened.kind === 'file') await closeSource(opened.source);
    }
  });

  it('reports how to fix a setup in which it cannot work', async () => {
    const tasksDir = openFolder();
    const options = { tasksDir, userIds: someUserIds() };
    await expect(userEngine({ ...options, userIds: '0-9' })).rejects.toThrow('taskUserIds');
    chmodSync(tasksDir, 0o777);
    await expect(userEngine(options)).rejects.toThrow(`chmod 755 ${tasksDir}`);
    chmodSync(tasksDir, 0o755);
    writeFileSync(path.join(tasksDir, '.tcw-users'), '');
    await expect(userEngine(options)).rejects.toThrow('must be a folder of root');
    rmSync(path.join(tasksDir, '.tcw-users'));
    await expect(userEngine({ ...options, searchPath: '/nowhere' })).rejects.toThrow('needs the program');
  });

  it.runIf(findProgram('busybox'))('requires a Node that tasks can run if env is busybox’s', async () => {
    const folder = openFolder();
    mkdirSync(path.join(folder, 'closed'), { mode: 0o700 });
    mkdirSync(path.join(folder, 'tasks'));
    const node = path.join(folder, 'closed', 'node');
    copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
    symlinkSync(findProgram('busybox') ?? '', path.join(folder, 'env'));
    const { stderr, exitCode } = await execa(
      node,
      [script, path.join(folder, 'tasks'), someUserIds(), 'private', '0'],
      { env: { PATH: `${folder}:${process.env.PATH}` }, reject: false },
    );
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(
      `${folder}/closed is closed to other users. Run "chmod o+x ${folder}/closed", or install Node.js elsewhere`,
    );
  });

  it.runIf(canBeNobody)('requires root', async () => {
    const [file = '', ...words] = [
      ...asNobody,
      process.execPath,
      script,
      '/tmp',
      '70000-79999',
      'private',
      '1',
    ];
    const { stderr, exitCode } = await execa(file, words, { reject: false });
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain('The engine "user" needs root');
  });
});
