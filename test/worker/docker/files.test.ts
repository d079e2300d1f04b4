import { stat } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dockerDeployment, type DockerDeployment } from './docker-deployment.ts';

const IMAGE = 'builder:1';
const CONTENT = 'the archive of an image';
const SHA256 = createHash('sha256').update(CONTENT).digest('hex');

let docker: DockerDeployment;
/** A task that has published an image as a public and as a private artifact. */
let maker: string;

beforeAll(async () => {
  docker = await dockerDeployment({ capacity: 1 });
  const { local } = docker;
  const artifact = { type: 'file', path: '/image.tar' };
  maker = await local.createTask({
    image: IMAGE,
    command: ['write-file', '/image.tar', CONTENT],
    artifacts: { 'public/image.tar': artifact, 'project/image.tar': artifact },
  });
  expect(await local.resolved(maker)).toMatchObject({ state: 'completed' });
});
afterAll(() => docker[Symbol.asyncDispose]());

async function resolved(payload: object, scopes: readonly string[] = []) {
  const { local } = docker;
  const taskId = await local.createTask({ image: IMAGE, ...payload }, { scopes: [...scopes] });
  const { state, runs } = await local.resolved(taskId);
  const log = await local.log(taskId, runs.length - 1).catch(() => '');
  return { taskId, state, reason: runs.at(-1)?.reasonResolved, log };
}

const all = (...words: readonly (readonly string[])[]) => ({
  command: ['all', ...words.map(word => JSON.stringify(word))],
});

describe('the image of a container', () => {
  it('is loaded from an artifact, through the worker’s downloads', async () => {
    const image = { type: 'task-image', taskId: maker, path: 'public/image.tar' };
    const { asked } = docker.engine;
    const { state, log } = await resolved({ image });
    expect(state, log).toBe('completed');
    expect(asked.containers.at(-1)?.image).toBe(`sha256:${SHA256}`);
    expect(asked.images.wanted.at(-1)).toMatchObject({ kind: 'archive', key: SHA256 });
    expect(log).toContain(`[image] Downloading task ${maker} artifact public/image.tar to `);
    const again = await resolved({ image });
    expect(again.log).toContain(`[image] Using image sha256:${SHA256}, which this worker already has`);
    expect(again.log).not.toContain('[image] Downloading');
  });

  it('is kept only until the run is over', async () => {
    const { local, engine } = docker;
    const taskId = await local.createTask({ image: 'kept', command: ['sleep', '60000'] });
    await expect.poll(() => engine.asked.images.held).toHaveLength(1);
    await local.cancelTask(taskId);
    await expect.poll(() => engine.asked.images.held).toEqual([]);
  });

  it.each([
    ['there is no such artifact', { path: 'public/none.tar' }, 'none.tar'],
    ['the task may not have it', { path: 'project/image.tar' }, 'queue:get-artifact:project/image.tar'],
  ])('fails the task if %s', async (_, change, reason) => {
    const { state, log } = await resolved({ image: { type: 'task-image', taskId: maker, ...change } });
    expect(state).toBe('failed');
    expect(log).toContain(`[image] Could not fetch from task ${maker} artifact ${change.path} into file `);
    expect(log).toContain(reason);
  });

  it('fails the task if the index has no such task', async () => {
    const image = { type: 'indexed-image', namespace: 'no.such.image', path: 'public/image.tar' };
    const { state, log } = await resolved({ image }, ['index:find-task:*']);
    expect(state).toBe('failed');
    expect(log).toContain('cannot obtain the image of namespace no.such.image artifact public/image.tar: ');
  });

  it.each([['two words'], ['\u202eevil'], ['x'.repeat(600)]])('cannot be named %j', async image => {
    const { reason, log } = await resolved({ image });
    expect(reason).toBe('malformed-payload');
    expect(log).toContain('is not the name of an image');
  });

  it('is in the chain of trust, whatever the additional data of the task says', async () => {
    const claims = { environment: { imageHash: 'mine', imageArtifactHash: 'mine', colour: 'blue' } };
    const { taskId, state, log } = await resolved({
      image: { type: 'task-image', taskId: maker, path: 'public/image.tar' },
      command: ['write-file', 'chain-of-trust-additional-data.json', JSON.stringify(claims)],
      features: { chainOfTrust: true },
    });
    expect(state, log).toBe('completed');
    const document = await docker.local.artifact(taskId, 'public/chain-of-trust.json');
    expect(JSON.parse(document.toString())).toMatchObject({
      environment: { imageHash: `sha256:${SHA256}`, imageArtifactHash: `sha256:${SHA256}`, colour: 'blue' },
    });
  });

  it('is in the chain of trust, without an archive that it was not loaded from', async () => {
    const { taskId } = await resolved({ features: { chainOfTrust: true } });
    const document = await docker.local.artifact(taskId, 'public/chain-of-trust.json');
    const { environment } = JSON.parse(document.toString()) as { environment: object };
    expect(environment).toMatchObject({ imageHash: docker.engine.asked.containers.at(-1)?.image });
    expect(environment).not.toHaveProperty('imageArtifactHash');
  });
});

describe('a cache of a container', () => {
  const cache = { 'project-cache': '/builds/cache' };
  const scopes = ['docker-worker:cache:project-cache'];

  it('contains in the next task what the last one left, and is writable by any user', async () => {
    const { local, engine } = docker;
    const first = await resolved(
      { cache, command: ['write-file', '/builds/cache/a/b', 'left behind'] },
      scopes,
    );
    expect(first.state, first.log).toBe('completed');
    expect(first.log).toContain("[mounts] Successfully mounted writable directory cache '/builds/cache'");
    const taskId = await local.createTask(
      {
        image: IMAGE,
        cache,
        ...all(
          ['read-file', '/builds/cache/a/b'],
          ['write-file', '/builds/cache/ready', ''],
          ['sleep', '60000'],
        ),
      },
      { scopes },
    );
    const source = () => engine.asked.containers.at(-1)?.binds?.[0]?.source ?? '';
    await expect.poll(() => stat(`${source()}/ready`).catch(() => undefined)).toBeTruthy();
    expect((await stat(source())).mode & 0o777).toBe(0o777);
    await local.cancelTask(taskId);
    await expect.poll(() => stat(source()).catch(() => undefined)).toBeUndefined();
    // A stopped run leaves no cache.
    expect(await resolved({ cache, command: ['read-file', '/builds/cache/a/b'] }, scopes)).toMatchObject({
      state: 'failed',
    });
  });

  it('is discarded after an exit code of purgeCaches', async () => {
    const onExitStatus = { purgeCaches: [72] };
    const write = ['write-file', '/builds/cache/x', 'poison'];
    await resolved({ cache, onExitStatus, ...all(write, ['exit', '72']) }, scopes);
    const { state } = await resolved({ cache, command: ['read-file', '/builds/cache/x'] }, scopes);
    expect(state).toBe('failed');
  });
});

describe('the artifacts of a container', () => {
  const artifacts = {
    'public/missing': { type: 'file', path: '/missing' },
    'public/folder': { type: 'directory', path: '/no-folder' },
    'public/there': { type: 'file', path: '/there' },
  };

  it('may be missing without failing the task, if they are optional', async () => {
    const { taskId, state, log } = await resolved({ artifacts, command: ['write-file', '/there', 'x'] });
    expect(state, log).toBe('completed');
    const found = (await docker.local.artifacts(taskId)).map(({ name, storageType }) => [name, storageType]);
    expect(Object.fromEntries(found)).toMatchObject({
      'public/missing': 'error',
      'public/folder': 'error',
      'public/there': 's3',
    });
  });

  it('are uploaded from a volume, which is removed afterwards', async () => {
    const { taskId, state, log } = await resolved({
      artifacts: { 'public/volume': { type: 'volume', path: '/out' } },
      command: ['write-file', '/out/a/b.txt', 'in a volume'],
    });
    expect(state, log).toBe('completed');
    expect((await docker.local.artifact(taskId, 'public/volume/a/b.txt')).toString()).toBe('in a volume');
    const [bind] = docker.engine.asked.containers.at(-1)?.binds ?? [];
    expect(bind).toMatchObject({ target: '/out' });
    await expect.poll(() => stat(bind?.source ?? '').catch(() => undefined)).toBeUndefined();
  });

  it('need valid names, like the log', async () => {
    const { taskId, reason } = await resolved({
      artifacts: { 'public//x': artifacts['public/there'] },
      log: 'ä',
    });
    expect(reason).toBe('malformed-payload');
    const log = (await docker.local.artifact(taskId, 'private/logs/live_backing.log')).toString();
    expect(log).toContain('artifact "public//x": its name contains an empty part');
    expect(log).toContain('log "ä": its name contains characters other than printable ASCII');
  });

  it('are not uploaded, and neither is the log, if they are disabled', async () => {
    const { taskId, state } = await resolved({
      artifacts,
      command: ['write-file', '/there', 'x'],
      features: { artifacts: false },
    });
    expect(state).toBe('completed');
    expect(await docker.local.artifacts(taskId)).toEqual([]);
  });
});
