import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FEATURES } from '../../../src/worker/features/index.ts';
import { payloadsOf } from '../../../src/worker/payloads/index.ts';

const payloads = payloadsOf(['docker-worker'], FEATURES);
const both = payloadsOf(['generic-worker', 'docker-worker'], FEATURES);
const VALID = { image: 'debian:12', maxRunTime: 60 };
const TASK_ID = 'fN1SbArXTPSVFNUvaOlinQ';

const read = (change: object = {}) => payloads.read({ ...VALID, ...change });

describe('a payload of docker-worker', () => {
  it('specifies a container and its command', () => {
    const { task, problems } = read({
      command: ['sh', '-c', 'true'],
      env: { A: '1' },
      cache: { one: '/builds/one/', two: 'two' },
      artifacts: {
        'public/a': { type: 'file', path: '/a' },
        'public/logs/': { type: 'directory', path: 'logs/', expires: '2030-01-01T00:00:00.000Z' },
      },
      capabilities: { privileged: true, disableSeccomp: false, devices: { kvm: true, loopbackVideo: false } },
      features: { taskclusterProxy: true, allowPtrace: false },
      onExitStatus: { retry: [4], purgeCaches: [72] },
    });
    expect(problems).toEqual([]);
    expect(task).toMatchObject({
      format: 'docker-worker',
      commands: [{ argv: ['sh', '-c', 'true'] }],
      env: { A: '1' },
      mounts: [
        { kind: 'cache', cacheName: 'one', path: '/builds/one' },
        { kind: 'cache', cacheName: 'two', path: '/two' },
      ],
      artifacts: [
        { type: 'file', name: 'public/a', path: '/a', optional: true },
        {
          type: 'directory',
          name: 'public/logs',
          path: '/logs',
          expires: '2030-01-01T00:00:00.000Z',
          optional: true,
        },
      ],
      maxRunTimeSecs: 60,
      exitCodes: { retry: [4], purgeCaches: [72] },
      container: { devices: ['kvm'] },
    });
    expect([...(task.container?.capabilities ?? [])]).toEqual(['privileged']);
    expect([...task.switches].sort()).toEqual([
      'backingLog',
      'liveLog',
      'resourceMonitor',
      'taskclusterProxy',
    ]);
  });

  it('without a command runs the one of the image', () => {
    expect(read().task.commands).toEqual([{ argv: [] }]);
  });

  it.each<[string, unknown, object]>([
    ['a name', 'debian:12', { kind: 'named', name: 'debian:12' }],
    ['a name in the long form', { type: 'docker-image', name: 'debian' }, { kind: 'named', name: 'debian' }],
    [
      'an artifact',
      { type: 'task-image', taskId: TASK_ID, path: 'public/image.tar' },
      { kind: 'artifact', taskId: TASK_ID, artifact: 'public/image.tar' },
    ],
    [
      'an artifact by the index',
      { type: 'indexed-image', namespace: 'a.b', path: 'public/image.tar' },
      { kind: 'indexed', namespace: 'a.b', artifact: 'public/image.tar' },
    ],
  ])('specifies its image: %s', (_, image, expected) => {
    expect(read({ image }).task.container?.image).toEqual(expected);
  });

  it.each<[string, object, string]>([
    ['no image', { image: undefined }, '/image is missing'],
    ['an empty name', { image: '' }, '/image must NOT have fewer than 1 characters; it is ""'],
    ['a task image without a task', { image: { type: 'task-image', path: 'x' } }, '/image/taskId is missing'],
    [
      'mounts',
      { mounts: [] },
      "/mounts is generic-worker's: use cache for caches, and fetch files and directories in the command",
    ],
    [
      'a switch of generic-worker',
      { features: { liveLog: false } },
      "/features/liveLog is generic-worker's: use features.localLiveLog",
    ],
    [
      'a list of artifacts',
      { artifacts: [{ type: 'file', path: 'x', name: 'public/x' }] },
      "/artifacts is a list, as generic-worker's is: use a map from the artifact's name to its type and path",
    ],
    [
      'a list of commands',
      { command: [['true']] },
      '/command is a list of commands, as generic-worker\'s is: use one command, ["sh", "-c", "…"]',
    ],
    ['a capability', { capabilities: { magic: true } }, '/capabilities/magic is not a known property'],
    [
      'a device',
      { capabilities: { devices: { tape: true } } },
      '/capabilities/devices/tape is not a known property',
    ],
    [
      'a cache at the root',
      { cache: { c: '/' } },
      '/cache/c is the root of the container, which cannot be replaced by a mount',
    ],
    ['a cache with a mode', { cache: { c: '/x:ro' } }, '/cache/c contains a colon or a NUL'],
    [
      'two caches in one place',
      { cache: { a: '/x', 'b/c': 'x/' } },
      '/cache/b~1c is the same path as /cache/a',
    ],
    [
      'a volume in the place of a cache',
      { cache: { a: '/x' }, artifacts: { v: { type: 'volume', path: '/x/y/..' } } },
      '/artifacts/v/path is the same path as /cache/a',
    ],
    [
      'a proxy of old',
      { features: { relengAPIProxy: true } },
      '/features/relengAPIProxy is retired: call services through features.taskclusterProxy',
    ],
    [
      'Docker in Docker',
      { features: { dind: true } },
      '/features/dind is retired: build images without a Docker engine, or run one with capabilities.privileged',
    ],
    [
      'a saved container',
      { features: { dockerSave: false } },
      '/features/dockerSave is retired: save what the task made as an artifact',
    ],
    [
      'a private network',
      { features: { balrogVPNProxy: true } },
      '/features/balrogVPNProxy is retired: use a worker pool whose machines reach that network',
    ],
    [
      'another one',
      { features: { balrogStageVPNProxy: true } },
      '/features/balrogStageVPNProxy is retired: use a worker pool whose machines reach that network',
    ],
    [
      'phones',
      { features: { testdroidProxy: true } },
      '/features/testdroidProxy is retired: use a worker pool for devices',
    ],
    [
      'what belongs beside it',
      { extra: { tasks_for: 'push' } },
      '/extra belongs beside the payload: move it to task.extra',
    ],
  ])('is refused with one problem for %s', (_, change, problem) => {
    expect(payloads.read(JSON.parse(JSON.stringify({ ...VALID, ...change }))).problems).toEqual([problem]);
  });

  it('is refused with all problems at once, and keeps its valid parts', () => {
    const { task, problems } = read({
      extra: {},
      cache: { a: 1, b: '/b' },
      features: { dind: true, allowPtrace: true },
    });
    expect([...problems].sort()).toEqual([
      '/cache/a must be string; it is 1',
      '/extra belongs beside the payload: move it to task.extra',
      '/features/dind is retired: build images without a Docker engine, or run one with capabilities.privileged',
    ]);
    expect(task.mounts).toMatchObject([{ cacheName: 'b' }]);
    expect(task.switches).toContain('allowPtrace');
  });

  it('is never a reason to throw, whatever it contains', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        for (const name of ['image', 'cache', 'artifacts', 'features', 'capabilities', 'log', 'extra']) {
          expect(read({ [name]: value }).task.format).toBe('docker-worker');
        }
        expect(Array.isArray(both.read(value).problems)).toBe(true);
      }),
    );
  });
});

describe('the log of docker-worker’s payload', () => {
  const DEFAULT = { backing: 'public/logs/live_backing.log', live: 'public/logs/live.log' };
  const NONE = { backing: undefined, live: undefined };
  it.each<[string, object, object]>([
    ['by default', {}, DEFAULT],
    [
      'a name',
      { log: 'private/a.b/log.txt' },
      { backing: 'private/a.b/log_backing.txt', live: 'private/a.b/log.txt' },
    ],
    [
      'without an extension',
      { log: 'public/a.b/log' },
      { backing: 'public/a.b/log_backing', live: 'public/a.b/log' },
    ],
    ['no link', { features: { localLiveLog: false } }, { ...DEFAULT, live: undefined }],
    ['no log', { features: { bulkLog: false } }, NONE],
    ['no artifacts', { features: { artifacts: false } }, NONE],
    // The task is refused. A log that was not clearly meant to be public must not become public.
    ['an invalid switch', { features: { bulkLog: 'no' } }, { backing: 'private/logs/live_backing.log' }],
    ['no name at all', { log: 7 }, { backing: 'private/logs/live_backing.log', live: undefined }],
    ['an invalid private name', { log: 'private//x' }, { backing: 'private/logs/live_backing.log' }],
  ])('has %s', (_, change, expected) => {
    expect(read(change).task.logs).toMatchObject(expected);
    expect(payloads.unreadable({ ...VALID, ...change }).logs).toMatchObject(expected);
  });

  it('is not uploaded, and neither is any artifact, without the feature for artifacts', () => {
    const { task } = read({
      features: { artifacts: false },
      artifacts: { 'public/a': { type: 'file', path: '/a' } },
    });
    expect(task.artifacts).toEqual([]);
    expect(task.switches).not.toContain('backingLog');
    expect(task.switches).not.toContain('liveLog');
  });
});

describe('a worker for both formats', () => {
  it('treats a payload with an image as one of docker-worker, and any other as one of generic-worker', () => {
    expect(both.read(VALID).task.format).toBe('docker-worker');
    expect(both.read({ command: [['true']], maxRunTime: 1 }).task.format).toBe('generic-worker');
    expect(both.read({ image: 7 }).task.format).toBe('docker-worker');
    expect(both.read([{ image: 'x' }]).task.format).toBe('generic-worker');
  });

  it('uploads the log of an invalid payload under the name that its format defines', () => {
    const names = { log: 'private/docker.log', logs: { backing: 'private/native.log' } };
    expect(both.unreadable({ ...names, image: 'x' }).logs.backing).toBe('private/docker_backing.log');
    expect(both.unreadable(names).logs.backing).toBe('private/native.log');
  });
});
