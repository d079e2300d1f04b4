import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newEd25519Key } from '../../src/base/index.ts';
import type { WorkerConfig } from '../../src/worker/index.ts';
import { canBeUsers, openFolder, someUserIds } from '../engines/user-fixtures.ts';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';
import { TALKING, watchedFromOutside } from './exposed.ts';
import { tar } from './mounts/tar.ts';
import { prepareMachine } from '../../src/worker/life/machine.ts';
import { LiveSecrets } from '../../src/worker/secrets/live-secrets.ts';
import { diskCollector } from '../../src/worker/stores/index.ts';
import { workerConfig } from './unit/worker-config.ts';
import { runFiles } from './run-files.ts';

const MALFORMED = { state: 'exception', runs: [{ reasonResolved: 'malformed-payload' }] };
const COMPLETED = { state: 'completed' };

async function started(
  config: Partial<WorkerConfig> = {},
): Promise<{ here: Deployment; worker: RunningWorker; tasksDir: string; pool: string }> {
  const folder = openFolder();
  const here = await deployment();
  onTestFinished(() => here.close());
  const tasksDir = join(folder, 'tasks');
  const worker = await here.startWorker({
    engine: 'user',
    taskUserIds: someUserIds(),
    tasksDir,
    cachesDir: join(folder, 'caches'),
    downloadsDir: join(folder, 'downloads'),
    ...config,
  });
  const { workerType } = await here.status(await here.createTask(sh('true')));
  return { here, worker, tasksDir, pool: `test/${workerType}` };
}

async function outputOf(here: Deployment, taskId: string): Promise<string[]> {
  const log = await here.log(taskId);
  return log.split('\n').filter(line => !line.startsWith('['));
}

describe.runIf(canBeUsers)('a worker with the engine "user"', () => {
  it('runs each task as a user of its own, which has a name, a home and temporary folders', async () => {
    const { here, worker, tasksDir } = await started();
    const line =
      'id -u; whoami; echo $USER $LOGNAME; [ "$HOME" = "$PWD" ] && [ ~ = "$PWD" ] && echo home; ' +
      'ls /tmp | grep -c left; ls /dev/shm | grep -c left; touch /tmp/left /dev/shm/left; touch $TMPDIR/x && echo temporary';
    const ids = [await here.createTask(sh(line)), await here.createTask(sh(line))];
    const outputs = [];
    for (const id of ids) {
      expect(await here.resolved(id)).toMatchObject(COMPLETED);
      outputs.push(await outputOf(here, id));
    }
    const [[first = '', name = '', variables = '', ...others] = [], [second] = []] = outputs;
    expect(Number(first)).toBeGreaterThan(999_999);
    expect(first).not.toBe(second);
    expect(name).toMatch(/^task_[\w-]{1,13}_0$/);
    expect(name.toLowerCase()).toContain((ids[0] ?? '').slice(0, 12).toLowerCase());
    expect(variables).toBe(`${name} ${name}`);
    expect(others.slice(0, 4)).toEqual(['home', '0', '0', 'temporary']);
    expect(outputs[1]?.slice(3, 7)).toEqual(['home', '0', '0', 'temporary']);
    worker.shutdown('finish');
    await worker.ended;
    expect((await runFiles(tasksDir)).filter(each => !each.startsWith('.'))).toEqual([]);
    expect(readdirSync(join(tasksDir, '.tcw-users')).filter(each => !each.startsWith('used-'))).toEqual([]);
    expect(readFileSync('/etc/passwd', 'utf8')).not.toContain(name);
  });

  it('provides a live log, and a shell of the same user', async () => {
    const { here } = await started({ publicIP: '127.0.0.1' });
    const taskId = await here.createTask({ features: { interactive: true }, ...sh(TALKING) });
    // Not one of the system's users: the numbers of tasks' users begin at a million.
    await watchedFromOutside(here, taskId, /^\d{7,}\r?\n/);
  });

  it('provides the mounts and caches of a task, including what an earlier task left in a cache', async () => {
    const { here } = await started();
    const scopes = ['generic-worker:cache:of-users'];
    const archive = gzipSync(tar([{ name: 'a/b/c', content: 'packed' }])).toString('base64');
    const mounts = [
      { content: { raw: 'text' }, file: 'in/a/file' },
      { content: { raw: 'text' }, file: '/tmp/in/file' },
      { content: { base64: archive }, format: 'tar.gz', directory: 'out' },
      { content: { base64: archive }, format: 'tar.gz', directory: '/var/tmp/out' },
      { cacheName: 'of-users', directory: 'kept/cache' },
    ];
    const first = await here.createTask(
      {
        mounts,
        ...sh(
          'set -e; cat in/a/file /tmp/in/file; echo; echo more >>in/a/file; touch in/b in/a/c /tmp/in/d; ' +
            'cat out/a/b/c /var/tmp/out/a/b/c; touch out/d out/a/b/d /var/tmp/out/a/d; find . /tmp/in /var/tmp/out -not -user $(id -u); ' +
            'mkdir kept/cache/d; cp /bin/true kept/cache/d/t; chmod 4755 kept/cache/d/t; chmod 2777 kept/cache/d; ' +
            'ln -s /etc/shadow kept/cache/l; chmod 000 kept/cache/d/t; chmod 4711 kept/cache/d/t',
        ),
      },
      { scopes },
    );
    expect(await here.resolved(first), await here.log(first)).toMatchObject(COMPLETED);
    expect((await outputOf(here, first)).filter(Boolean)).toEqual(['texttext', 'packedpacked']);
    const second = await here.createTask(
      {
        mounts: [{ cacheName: 'of-users', directory: 'c' }],
        ...sh(
          'find c -not -user "$(id -u)"; stat -c "%A %n" c/d c/d/t; touch c/d/new; rm c/d/t; readlink c/l',
        ),
      },
      { scopes },
    );
    expect(await here.resolved(second), await here.log(second)).toMatchObject(COMPLETED);
    expect((await outputOf(here, second)).filter(Boolean)).toEqual([
      'drwxrwxrwx c/d',
      '-rwx--x--x c/d/t',
      '/etc/shadow',
    ]);
  });

  it('replaces a cache whose paths are too deep for it, and completes the task', async () => {
    const { here } = await started();
    const definition = { scopes: ['generic-worker:cache:deep'] };
    const mounts = [{ cacheName: 'deep', directory: 'c' }];
    const deep =
      'cd c; name=$(printf "%0200d" 0); for i in $(seq 30); do mkdir $name && cd -P $name || exit 1; done; echo made';
    const first = await here.createTask({ mounts, ...sh(deep) }, definition);
    expect(await here.resolved(first), await here.log(first)).toMatchObject(COMPLETED);
    const second = await here.createTask({ mounts, ...sh('ls c | wc -l; touch c/new') }, definition);
    expect(await here.resolved(second), await here.log(second)).toMatchObject(COMPLETED);
    expect(await here.log(second)).toContain('the cache cannot be given to the user of the task');
    expect((await outputOf(here, second))[0]).toBe('0');
  });

  it('creates nothing for a task where the task itself could not', async () => {
    const { here } = await started();
    const taskId = await here.createTask({
      mounts: [{ content: { raw: 'x' }, file: '/etc/tcw-test-of-mounts' }],
      ...sh('true'),
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    expect(await here.log(taskId)).toContain('cannot mount anything at /etc/tcw-test-of-mounts');
    expect(readdirSync('/etc')).not.toContain('tcw-test-of-mounts');
  });

  it('uploads what the task could read, including its own /tmp, and nothing else', async () => {
    const { here } = await started();
    const taskId = await here.createTask({
      artifacts: [
        { type: 'file', path: 'mine', name: 'public/mine' },
        { type: 'file', path: '/tmp/mine', name: 'public/tmp' },
        { type: 'file', path: 'link', name: 'public/link', optional: true },
        { type: 'directory', path: 'd', name: 'public/d' },
      ],
      ...sh(
        'echo one >mine; echo two >/tmp/mine; ln -s /etc/shadow link; mkdir d; echo three >d/f; ln -s /tmp/mine d/l',
      ),
    });
    expect(await here.resolved(taskId), await here.log(taskId)).toMatchObject(COMPLETED);
    const text = async (name: string) => (await here.artifact(taskId, name)).toString();
    expect(await text('public/mine')).toBe('one\n');
    expect(await text('public/tmp')).toBe('two\n');
    expect(await text('public/d/f')).toBe('three\n');
    expect(await text('public/d/l')).toBe('two\n');
    const stored = await here.artifacts(taskId);
    expect(stored.find(({ name }) => name === 'public/link')).toMatchObject({ storageType: 'error' });
  });

  it('adds the user to the osGroups of a task, if its scopes allow that and they exist', async () => {
    const { here, pool } = await started();
    const scopes = ['audio', 'no-such-group'].map(group => `generic-worker:os-group:${pool}/${group}`);
    const task = { osGroups: ['audio'], ...sh('id -Gn') };
    const allowed = await here.createTask(task, { scopes });
    expect(await here.resolved(allowed), await here.log(allowed)).toMatchObject(COMPLETED);
    expect((await outputOf(here, allowed))[0]).toMatch(/^task_\S+ audio$/);
    expect(await here.resolved(await here.createTask(task))).toMatchObject(MALFORMED);
    const unknown = await here.createTask({ osGroups: ['no-such-group'], ...sh('true') }, { scopes });
    expect(await here.resolved(unknown)).toMatchObject(MALFORMED);
    expect(await here.log(unknown)).toContain('this machine has no group "no-such-group"');
  });

  it('runs a task as its own user if the task asks for that and is allowed to, but not next to others', async () => {
    const { here, pool } = await started();
    const scopes = [`generic-worker:run-task-as-current-user:${pool}`];
    const features = { runTaskAsCurrentUser: true };
    const taskId = await here.createTask({ features, ...sh('id -u; whoami; echo $USER') }, { scopes });
    expect(await here.resolved(taskId), await here.log(taskId)).toMatchObject(COMPLETED);
    expect((await outputOf(here, taskId)).slice(0, 3)).toEqual(['0', 'root', 'root']);
    expect(await here.resolved(await here.createTask({ features, ...sh('true') }))).toMatchObject(MALFORMED);
    const many = await started({ capacity: 2 });
    const manyScopes = [`generic-worker:run-task-as-current-user:${many.pool}`];
    const beside = await many.here.createTask({ features, ...sh('true') }, { scopes: manyScopes });
    expect(await many.here.resolved(beside)).toMatchObject(MALFORMED);
  });

  it('signs the chain of trust with a key that only root can read, and with no other', async () => {
    const key = join(openFolder(), 'key');
    writeFileSync(key, newEd25519Key().reveal(), { mode: 0o600 });
    const { here, pool } = await started({ ed25519SigningKeyLocation: key });
    const features = { chainOfTrust: true };
    const taskId = await here.createTask({ features, ...sh(`cat ${key} || echo closed`) });
    expect(await here.resolved(taskId), await here.log(taskId)).toMatchObject(COMPLETED);
    expect(await here.log(taskId)).toContain('closed');
    expect((await here.artifacts(taskId)).map(({ name }) => name)).toContain(
      'public/chain-of-trust.json.sig',
    );
    const asRoot = await here.createTask(
      { features: { ...features, runTaskAsCurrentUser: true }, ...sh('true') },
      { scopes: [`generic-worker:run-task-as-current-user:${pool}`] },
    );
    expect(await here.resolved(asRoot)).toMatchObject(MALFORMED);
    chmodSync(key, 0o644);
    const open = await started({ ed25519SigningKeyLocation: key });
    expect(await open.here.resolved(await open.here.createTask({ features, ...sh('true') }))).toMatchObject(
      MALFORMED,
    );
  });

  it('limits the memory and the processes of a task', async () => {
    const { here, worker } = await started({ maxTaskMemoryMegabytes: 64, maxTaskProcesses: 40 });
    const isMissing = worker.events.some(({ type }) => type === 'no-task-limits');
    const memory = await here.createTask(sh('head -c 300000000 /dev/zero | tail -c 299999999 | wc -c'));
    const { state } = await here.resolved(memory);
    const many = await here.createTask(sh('for i in $(seq 100); do sleep 5 & done; jobs | wc -l; true'));
    await here.resolved(many);
    expect(await here.log(many)).toMatch(/fork/i);
    // If the machine does not support this limit, the worker has reported it.
    if (isMissing) expect(worker.events).toContainEqual(expect.objectContaining({ type: 'no-task-limits' }));
    else expect(await outputOf(here, memory), state).not.toContain('299999999');
  });

  it('ends after the last user of the range was used', async () => {
    const first = 1_900_000 + Math.floor(Math.random() * 90_000);
    // One user to try out the engine, and two for tasks.
    const { here, worker } = await started({ taskUserIds: `${first}-${first + 2}` });
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await here.createTask(sh('true')));
    expect(await worker.ended).toBe('out-of-service');
    const states = await Promise.all(
      ids.map(async id => (await here.status(id)).runs.at(-1)?.reasonResolved),
    );
    expect(states).toContain('resource-unavailable');
  });

  it('creates users of the machine if that is configured, and removes them', async () => {
    const { here } = await started({ taskAccounts: 'machine' });
    const taskId = await here.createTask(sh('echo name:$(whoami):; sleep 2'));
    await here.running(taskId);
    await expect.poll(() => readFileSync('/etc/passwd', 'utf8'), { timeout: 20_000 }).toMatch(/^task_/m);
    expect(await here.resolved(taskId)).toMatchObject(COMPLETED);
    const [, name = 'none'] = /name:(task_[^:]+):/.exec(await here.log(taskId)) ?? [];
    expect(name).toMatch(/^task_/);
    for (const file of ['/etc/passwd', '/etc/group'])
      await expect.poll(() => readFileSync(file, 'utf8'), { timeout: 20_000 }).not.toContain(`${name}:`);
  });

  it('does not start if tasks could not reach their folders', async () => {
    const folder = openFolder();
    const config = workerConfig({
      engine: 'user',
      tasksDir: join(folder, 'tasks'),
      cachesDir: join(folder, 'caches'),
      downloadsDir: join(folder, 'downloads'),
    });
    const emit = () => undefined;
    const ready = (asked: WorkerConfig) =>
      prepareMachine({
        config: asked,
        emit,
        secrets: new LiveSecrets(),
        collector: diskCollector({ tasksDir: folder, requiredBytes: 0, emit }),
      });
    chmodSync(folder, 0o700);
    await expect(ready(config)).rejects.toThrow(`chmod o+x ${folder}`);
    chmodSync(folder, 0o777);
    await expect(ready(config)).rejects.toThrow(`chmod go-w ${folder}`);
  });
});
