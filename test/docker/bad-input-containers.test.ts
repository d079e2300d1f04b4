import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectDocker, type DockerClient } from '../../src/worker/engines/docker/api/index.ts';
import { removeName } from '../../src/worker/engines/docker/images/engine-images.ts';
import { canMakeLab } from '../harness/docker/engine.ts';
import { makeImage, testName, type TestImage } from '../harness/docker/images.ts';
import { faultEngine } from '../engines/docker/fault-engine.ts';
import { containerWorker, host, left, sh } from './container-worker.ts';
import { smallEngine } from './small-engine.ts';

let client: DockerClient;
let image: TestImage;

beforeAll(async () => {
  ({ client } = await connectDocker(host));
  image = await makeImage(client);
  return async () => {
    await removeName(client, image.name);
    await client[Symbol.asyncDispose]();
  };
});

describe('a container that', () => {
  it('tries to kill its init continues, because init ignores such signals', async () => {
    const here = await containerWorker();
    const run = await here.resolved({ image: image.name, ...sh('kill -KILL 1; kill -STOP 1; echo alive') });
    expect([run.state, run.log]).toEqual(['completed', expect.stringContaining('alive')]);
  });

  it('asks its init to exit fails', async () => {
    const here = await containerWorker();
    const run = await here.resolved({ image: image.name, ...sh('kill -TERM 1; sleep 600') });
    expect([run.state, run.log]).toEqual(['failed', expect.stringContaining('exit status 143')]);
    await expect.poll(() => left(client)).toEqual([]);
  });

  it('forks endlessly fails, and leaves nothing behind', async () => {
    const here = await containerWorker({ limits: { pids: 100 } });
    const run = await here.resolved({
      image: image.name,
      ...sh('bomb() { bomb | bomb & }; bomb 2>/dev/null; while :; do sleep 1; done 2>/dev/null'),
      maxRunTime: 2,
    });
    expect([run.state, run.log]).toEqual(['failed', expect.stringContaining('max run time exceeded')]);
    await expect.poll(() => left(client)).toEqual([]);
    const next = await here.resolved({ image: image.name, ...sh('true') });
    expect(next.state, next.log).toBe('completed');
  });

  it('ignores SIGTERM in all its processes is killed when its time is over', async () => {
    const here = await containerWorker();
    const run = await here.resolved({
      image: image.name,
      ...sh("trap '' TERM; (setsid sleep 600 &); sleep 600 & while :; do sleep 600; done"),
      maxRunTime: 1,
    });
    expect([run.state, run.log]).toEqual(['failed', expect.stringContaining('max run time exceeded')]);
    await expect.poll(() => left(client)).toEqual([]);
  });

  it('starts other containers through the engine ends alone, because they do not belong to the task', async () => {
    // No task is given the engine's socket. Here one of TCP is open to whoever is on the machine.
    const open = await faultEngine('tcp', '0.0.0.0');
    const here = await containerWorker();
    const name = testName();
    const body = JSON.stringify({ Image: image.id, Cmd: ['sleep', '600'] });
    const port = new URL(open.host).port;
    const call = (path: string, content: string) =>
      `printf 'POST ${path} HTTP/1.0\\r\\nContent-Type: application/json\\r\\nContent-Length: ${content.length}\\r\\n\\r\\n%s' '${content}' | nc -w 5 ${here.engine.hostAddress} ${port} | head -n 1`;
    onTestFinished(() =>
      client.json({ method: 'DELETE', path: `/containers/${name}`, query: { force: true } }),
    );
    const run = await here.resolved({
      image: image.name,
      ...sh(`${call(`/containers/create?name=${name}`, body)}; ${call(`/containers/${name}/start`, '')}`),
    });
    expect([run.state, run.log]).toEqual([
      'completed',
      expect.stringMatching(/201 Created[^]*204 No Content/),
    ]);
    await expect.poll(() => left(client)).toEqual([]);
    const { State } = await client.json<{ State: { Running: boolean } }>({
      method: 'GET',
      path: `/containers/${name}/json`,
    });
    expect(State.Running).toBe(true);
  });

  it.each([
    ['privileged', { capabilities: { privileged: true } }, 'docker-worker:capability:privileged'],
    [
      'without seccomp',
      { capabilities: { disableSeccomp: true } },
      'docker-worker:capability:disableSeccomp',
    ],
    [
      'with a device',
      { capabilities: { devices: { hostSharedMemory: true } } },
      'docker-worker:capability:device:hostSharedMemory',
    ],
  ])('is to be %s without the scope for that is never created', async (_, asked, scope) => {
    const here = await containerWorker();
    const run = await here.resolved({ image: image.name, ...sh('echo it ran'), ...asked });
    expect([run.reason, run.log]).toEqual(['malformed-payload', expect.stringContaining(`${scope} or `)]);
    expect(run.log).not.toContain('it ran');
    expect(run.log).not.toContain('Using image');
  });
});

describe('the artifacts of a container', () => {
  /** Runs a line of shell, and says what became of the directory /d of its container. */
  async function artifactsAfter(script: string) {
    const here = await containerWorker();
    const run = await here.resolved({
      image: image.name,
      ...sh(script),
      artifacts: { 'public/d': { type: 'directory', path: '/d' } },
    });
    const artifacts = (await here.local.artifacts(run.taskId)).filter(({ name }) =>
      name.startsWith('public/d/'),
    );
    return { ...run, here, artifacts };
  }

  it('may be links, which are resolved inside the container, but not devices', async () => {
    const { state, log, artifacts, here, taskId } = await artifactsAfter(`
      mkdir /d && printf inside >/d/file && ln /d/file /d/hard && ln -s /d/file /d/soft && printf own >/etc/shadow
      ln -s ../../../../../../etc/shadow /d/up && ln -s /nowhere /d/broken && ln -s loop /d/loop && ln -s / /d/root
      ln -s /proc/1/environ /d/environ && mkfifo /d/pipe && mknod /d/null c 1 3 && mknod /d/disk b 8 0`);
    // Artifacts of docker-worker's payloads are all optional.
    expect(state, log).toBe('completed');
    const text = async (name: string) => (await here.local.artifact(taskId, `public/d/${name}`)).toString();
    for (const name of ['file', 'hard', 'soft']) expect(await text(name)).toBe('inside');
    expect(await text('up')).toBe('own');
    const errors = artifacts.filter(({ storageType }) => storageType === 'error').map(({ name }) => name);
    expect(errors.sort()).toEqual(
      ['broken', 'disk', 'environ', 'loop', 'null', 'pipe'].map(name => `public/d/${name}`),
    );
  });

  it('are uploaded without those whose names no artifact can have', async () => {
    const { reason, log, artifacts } = await artifactsAfter(`
      mkdir /d && cd /d && echo good >good && echo bad >"$(printf 'new\\nline')" && echo bad >"$(printf '\\377')"
      echo dots >..dots && long=$(printf '%0200d' 0) && for i in 1 2 3 4 5 6 7; do mkdir $long && cd $long; done && echo deep >deep`);
    expect(reason, log).toBe('malformed-payload');
    expect(log).toMatch(/artifact "public\/d\/new\\nline": /);
    const names = artifacts.map(({ name }) => name);
    expect(names).toContain('public/d/good');
    expect(names).toContain('public/d/..dots');
    expect(names.every(name => /^[\x20-\x7e]+$/.test(name))).toBe(true);
  });

  it('may be very many', async () => {
    const { state, log, here, taskId } = await artifactsAfter(
      'mkdir -p /d/a /e && cd /d/a && seq 200 | xargs touch && cd /e && seq 50000 | xargs touch && ln -s /e /d/e',
    );
    expect(state, log).toBe('completed');
    const run = await here.resolved({
      image: image.name,
      ...sh('mkdir /d && cd /d && seq 30000 | xargs -n 1000 mkdir && seq 5 | xargs -I{} touch 1/{}'),
      artifacts: { 'public/d': { type: 'directory', path: '/d' } },
    });
    expect(run.state, run.log).toBe('completed');
    expect(taskId).not.toBe(run.taskId);
    const names = (await here.local.artifacts(run.taskId)).map(({ name }) => name);
    expect(names.filter(name => name.startsWith('public/d/'))).toHaveLength(5);
  });
});

describe.runIf(canMakeLab())('an engine whose disk is small', () => {
  const MB = 1024 ** 2;

  it('fails to load an image, with a clear message, and the worker continues', async () => {
    const engine = await smallEngine(64 * MB);
    const { client: own } = await connectDocker(engine.host);
    onTestFinished(() => own[Symbol.asyncDispose]());
    const small = await makeImage(own);
    const here = await containerWorker({ host: engine.host });
    // Made by the tests' engine, whose worker uploads it.
    const large = await makeImage(client, {
      entries: [{ name: 'random', content: randomBytes(80 * MB) }],
    });
    const { body } = await client.stream({ method: 'GET', path: `/images/${large.name}/get` });
    const archive = Buffer.concat(await body.toArray());
    await removeName(client, large.name);
    const wanted = {
      kind: 'archive',
      name: 'the archive',
      key: testName(),
      open: async () => (await import('node:stream')).Readable.from([archive]),
    } as const;
    const log = { info: () => undefined, warn: () => undefined };
    const signal = new AbortController().signal;
    await expect(here.engine.images.get(wanted, { log, signal })).rejects.toMatchObject({
      kind: 'resource-unavailable',
      message: expect.stringMatching(
        /^no image the archive: the machine has run out of disk space \(.*(no space left on device|MB are left)/,
      ) as unknown,
    });
    const run = await here.resolved({ image: small.name, ...sh('echo works') });
    expect([run.state, run.log]).toEqual(['completed', expect.stringContaining('works')]);
  });

  it('is filled by a container, which fails, and its space is freed', async () => {
    const engine = await smallEngine(64 * MB);
    const { client: own } = await connectDocker(engine.host);
    onTestFinished(() => own[Symbol.asyncDispose]());
    const small = await makeImage(own);
    const here = await containerWorker({ host: engine.host });
    for (let round = 0; round < 2; round++) {
      const run = await here.resolved({ image: small.name, ...sh('cat /dev/zero >/file') });
      expect([run.state, run.log]).toEqual(['failed', expect.stringContaining('No space left on device')]);
    }
    const run = await here.resolved({ image: small.name, ...sh('head -c 20000000 /dev/zero >/file') });
    expect(run.state, run.log).toBe('completed');
  });

  it('fails only the task that fills it, with the reason', async () => {
    const engine = await smallEngine(64 * MB);
    const { client: own } = await connectDocker(engine.host);
    onTestFinished(() => own[Symbol.asyncDispose]());
    const small = await makeImage(own);
    const here = await containerWorker(
      { host: engine.host },
      { requiredDiskSpaceMegabytes: 40, capacity: 2 },
    );
    const other = await here.local.createTask({ image: small.name, ...sh('sleep 600') });
    await expect.poll(() => left(own)).toHaveLength(1);
    const run = await here.resolved({ image: small.name, ...sh('cat /dev/zero >/file; sleep 600') });
    expect([run.state, run.log]).toEqual([
      'failed',
      expect.stringContaining('task aborted due to lack of disk space'),
    ]);
    expect(await here.local.status(other)).toMatchObject({ state: 'running' });
    await here.local.cancelTask(other);
    await expect.poll(() => left(own)).toEqual([]);
  });

  it('fails a running task with an internal error if it is restarted, and runs the next one', async () => {
    const engine = await smallEngine(64 * MB);
    const { client: own } = await connectDocker(engine.host);
    onTestFinished(() => own[Symbol.asyncDispose]());
    const small = await makeImage(own);
    const here = await containerWorker({ host: engine.host });
    const taskId = await here.local.createTask({ image: small.name, ...sh('sleep 600') });
    // A container that is still being started when its engine stops ends with an exit code of its own.
    const filters = JSON.stringify({ label: ['tcw.trace'], status: ['running'] });
    const running = () =>
      own.json<unknown[]>({ method: 'GET', path: '/containers/json', query: { filters } });
    await expect.poll(running).toHaveLength(1);
    await engine.stop();
    await engine.start();
    const run = await here.ended(taskId);
    expect(run.reason, run.log).toBe('internal-error');
    const next = await here.resolved({ image: small.name, ...sh('echo next') });
    expect([next.state, next.log]).toEqual(['completed', expect.stringContaining('next')]);
    await expect.poll(() => left(own)).toEqual([]);
  });
});
