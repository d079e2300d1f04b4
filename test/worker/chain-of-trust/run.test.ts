import { execa } from 'execa';
import { createHash } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newEd25519Key, newOpenpgpKeyPair, readEd25519Key, Secret } from '../../../src/base/index.ts';
import type { Engine } from '../../../src/worker/engines/engine.ts';
import { featuresOfOneSession, mockEngine } from '../../../src/worker/index.ts';
import { gnupg } from '../../harness/gnupg.ts';
import { deployment, sh, type Deployment } from '../deployment.ts';
import { tarFiles } from '../unit/tar-files.ts';

const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');
const ASKED = { features: { chainOfTrust: true } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  return () => rm(folder, { recursive: true });
});

/** An engine that tells features that its tasks run as another user than the worker. */
const forOtherUsers = (engine: Engine): Engine =>
  new Proxy(engine, {
    get: (target, name) => {
      if (name === 'capabilities')
        return new Set([...target.capabilities].filter(capability => capability !== 'own-user'));
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });

/** An engine whose tasks' files are in an archive, like those of a container. */
const inArchives = (engine: Engine, archives: ReturnType<typeof tarFiles>[]): Engine =>
  changed(engine, {
    open: async options => {
      const sandbox = await engine.open(options);
      const archive = tarFiles(options.home.path);
      archives.push(archive);
      return changed(sandbox, { files: archive.files });
    },
  });

function changed<T extends object>(of: T, change: Partial<T>): T {
  return new Proxy(of, {
    get: (target, name) => {
      const value: unknown = Reflect.get(name in change ? change : target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

async function setting(): Promise<Deployment> {
  const here = await deployment();
  onTestFinished(() => here.close());
  return here;
}

async function keyFile(name: string, key: Secret): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, key.reveal());
  return file;
}

/** Whether OpenSSL, which is independent of tcw, accepts a signature. */
async function opensslVerifies(publicKey: string, document: Buffer, signature: Buffer): Promise<boolean> {
  const place = await mkdtemp(join(folder, 'openssl-'));
  const der = Buffer.concat([SPKI_PREFIX, Buffer.from(publicKey, 'base64')]).toString('base64');
  await writeFile(join(place, 'key'), `-----BEGIN PUBLIC KEY-----\n${der}\n-----END PUBLIC KEY-----\n`);
  await writeFile(join(place, 'document'), document);
  await writeFile(join(place, 'signature'), signature);
  const words = ['-verify', '-pubin', '-inkey', 'key', '-rawin', '-in', 'document', '-sigfile', 'signature'];
  return !(await execa('openssl', ['pkeyutl', ...words], { cwd: place, reject: false })).failed;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

async function documentOf(here: Deployment, taskId: string) {
  const bytes = await here.artifact(taskId, 'public/chain-of-trust.json');
  return { bytes, json: JSON.parse(bytes.toString()) as Record<string, unknown> };
}

const namesOf = async (here: Deployment, taskId: string) =>
  (await here.artifacts(taskId)).map(({ name }) => name).sort();

describe('a task that asks for the chain of trust', () => {
  it('gets a document that OpenSSL verifies, with all artifacts of its payload and its log', async () => {
    const here = await setting();
    const key = newEd25519Key();
    const ed25519SigningKeyLocation = await keyFile('ed25519', key);
    const worker = await here.startWorker(
      {
        ed25519SigningKeyLocation,
        workerId: 'w-1',
        publicIP: '192.0.2.1',
        region: 'north',
        instanceType: 'large',
      },
      { wrap: forOtherUsers },
    );
    const taskId = await here.createTask({
      ...ASKED,
      ...sh('echo hello; mkdir out; echo one > out/a.txt; head -c 100000 /dev/zero > out/b.gz; echo x > c'),
      artifacts: [
        { type: 'directory', path: 'out', name: 'public/out' },
        { type: 'file', path: 'c', name: 'public/logs/certified.log' },
        { type: 'file', path: 'missing', name: 'public/missing', optional: true },
      ],
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(worker.events.filter(({ type }) => type === 'tasks-can-read-key')).toEqual([]);

    const { bytes, json } = await documentOf(here, taskId);
    const signature = await here.artifact(taskId, 'public/chain-of-trust.json.sig');
    const { publicKey } = readEd25519Key(key);
    expect(signature).toHaveLength(64);
    expect(await opensslVerifies(publicKey, bytes, signature)).toBe(true);
    expect(await opensslVerifies(publicKey, Buffer.from(`${bytes.toString()}\n`), signature)).toBe(false);

    const log = await here.artifact(taskId, 'public/logs/certified.log');
    expect(json).toMatchObject({
      chainOfTrustVersion: 1,
      taskId,
      runId: 0,
      workerGroup: 'here',
      workerId: 'w-1',
      environment: {
        publicIpAddress: '192.0.2.1',
        privateIpAddress: '',
        instanceId: '',
        instanceType: 'large',
        region: 'north',
      },
      task: { payload: ASKED, metadata: { name: 'test' } },
    });
    expect(json.artifacts).toEqual({
      'public/logs/certified.log': { sha256: sha256(log) },
      'public/out/a.txt': { sha256: sha256(Buffer.from('one\n')) },
      'public/out/b.gz': { sha256: sha256(Buffer.alloc(100_000)) },
    });
    const whole = await here.log(taskId);
    expect(log.toString()).toMatch(/\nhello\n[^]*=== Task Finished ===/);
    expect(whole.startsWith(log.toString())).toBe(true);
    expect(whole).toContain(
      'Not uploading artifact public/logs/certified.log found in task.payload.artifacts section, since this will be uploaded later by Chain of Trust',
    );
    const types = new Map((await here.artifacts(taskId)).map(({ name, contentType }) => [name, contentType]));
    expect(types.get('public/chain-of-trust.json')).toBe('text/plain; charset=utf-8');
    expect(types.get('public/chain-of-trust.json.sig')).toBe('application/octet-stream');
    expect(types.get('public/logs/certified.log')).toBe('text/plain; charset=utf-8');
  });

  it('gets a document that includes files streamed from an archive', async () => {
    const here = await setting();
    const ed25519SigningKeyLocation = await keyFile('of-archives', newEd25519Key());
    const archives: ReturnType<typeof tarFiles>[] = [];
    await here.startWorker(
      { ed25519SigningKeyLocation },
      { wrap: engine => forOtherUsers(inArchives(engine, archives)) },
    );
    const taskId = await here.createTask({
      ...ASKED,
      ...sh(
        `mkdir out; echo one > out/a.txt; head -c 100000 /dev/zero > out/b.gz; head -c 100000 /dev/zero > c;
         echo '{"environment": {"imageHash": "sha256:x"}}' > chain-of-trust-additional-data.json`,
      ),
      artifacts: [
        { type: 'directory', path: 'out', name: 'public/out' },
        { type: 'file', path: 'c', name: 'public/c' },
      ],
    });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const { json } = await documentOf(here, taskId);
    expect(json.environment).toMatchObject({ imageHash: 'sha256:x' });
    expect(json.artifacts).toMatchObject({
      'public/out/a.txt': { sha256: sha256(Buffer.from('one\n')) },
      'public/out/b.gz': { sha256: sha256(Buffer.alloc(100_000)) },
      'public/c': { sha256: sha256(Buffer.alloc(100_000)) },
    });
    expect(await here.artifact(taskId, 'public/out/b.gz')).toEqual(Buffer.alloc(100_000));
    expect(archives.map(({ counts }) => counts)).toMatchObject([{ streams: 3, fromMemory: 1 }]);
  });

  it('gets the older format, which GnuPG verifies', async () => {
    const here = await setting();
    const { privateKey, publicKey } = await newOpenpgpKeyPair('pool');
    const signingKeyLocation = await keyFile('openpgp', privateKey);
    await here.startWorker({ signingKeyLocation }, { wrap: forOtherUsers });
    const taskId = await here.createTask({ ...ASKED, ...sh('echo "ü"') });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    expect(await namesOf(here, taskId)).toEqual([
      'public/chainOfTrust.json.asc',
      'public/logs/certified.log',
      'public/logs/live.log',
      'public/logs/live_backing.log',
    ]);
    const gpg = await gnupg();
    onTestFinished(() => gpg.close());
    await gpg.import(publicKey);
    const signed = await here.artifact(taskId, 'public/chainOfTrust.json.asc');
    const { stdout, stderr } = await gpg.run(['--decrypt'], signed);
    expect(stderr).toContain('Good signature from "pool"');
    expect(JSON.parse(stdout.toString())).toMatchObject({ chainOfTrustVersion: 1, taskId });
    await expect(gpg.run(['--verify'], signed.toString().replace(taskId, 'x'))).rejects.toThrow(/BAD/);
  });

  it('gets a document even if it failed', async () => {
    const here = await setting();
    await here.startWorker({}, { features: featuresOfOneSession() });
    const taskId = await here.createTask({ ...ASKED, ...sh('exit 3') });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    expect((await documentOf(here, taskId)).json).toMatchObject({ taskId });
  });

  it('adds data to it, but cannot override fields of the worker', async () => {
    const here = await setting();
    await here.startWorker({ region: 'north' }, { features: featuresOfOneSession() });
    const data = {
      environment: { imageHash: 'sha256:1', region: 'south' },
      artifacts: { 'public/evil': { sha256: '0' } },
      more: [1],
    };
    const script = `printf %s '${JSON.stringify(data)}' > chain-of-trust-additional-data.json`;
    const taskId = await here.createTask({ ...ASKED, ...sh(script) });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const { json } = await documentOf(here, taskId);
    expect(json).toMatchObject({ environment: { imageHash: 'sha256:1', region: 'north' }, more: [1] });
    expect(Object.keys(json.artifacts as object)).toEqual(['public/logs/certified.log']);
  });

  it.each([
    ['a file that is not JSON', 'echo hello > $F', /chain-of-trust-additional-data\.json is not JSON/],
    ['a folder', 'mkdir $F', /chain-of-trust-additional-data\.json is a directory/],
    [
      'a link to what is the worker’s own',
      'ln -s /proc/self/environ $F',
      /json leads out of the folder of the task/,
    ],
    ['a pipe without a writer', 'mkfifo $F', /json is not a file/],
    ['too much', 'head -c 2000000 /dev/zero > $F', /json is larger than 1048576 bytes/],
  ])('fails with a message if it adds %s', async (_, script, problem) => {
    const here = await setting();
    await here.startWorker({}, { features: featuresOfOneSession() });
    const command = sh(`F=chain-of-trust-additional-data.json; ${script}`);
    const taskId = await here.createTask({ ...ASKED, ...command });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'failed' });
    expect(await here.log(taskId)).toMatch(problem);
    expect(await namesOf(here, taskId)).toEqual(['public/logs/live.log', 'public/logs/live_backing.log']);
  });

  it('uploads none of it when it is cancelled', async () => {
    const here = await setting();
    await here.startWorker({}, { features: featuresOfOneSession() });
    const taskId = await here.createTask({ ...ASKED, ...sh('sleep 600') });
    await here.running(taskId);
    await here.cancelTask(taskId);
    await expect
      .poll(() => namesOf(here, taskId), { timeout: 30_000 })
      .toContain('public/logs/live_backing.log');
    expect(await namesOf(here, taskId)).not.toContain('public/chain-of-trust.json');
  });

  it('reports an error in its additional data even if it has already failed', async () => {
    const here = await setting();
    await here.startWorker({}, { features: featuresOfOneSession() });
    const script = 'echo no JSON > chain-of-trust-additional-data.json; exit 3';
    const failed = await here.createTask({ ...ASKED, ...sh(script) });
    expect(await here.resolved(failed)).toMatchObject({ state: 'failed' });
    const log = await here.log(failed);
    // The commands decide the outcome. The other problem is also reported, once.
    expect(
      log.match(/^\[taskcluster:error\] chain-of-trust-additional-data\.json is not JSON/gm),
    ).toHaveLength(1);
    expect(log).toMatch(/^\[taskcluster:error\] exit status 3$/m);
  });

  it('is refused if it could read the key', async () => {
    const here = await setting();
    const file = await keyFile('readable', newEd25519Key());
    await here.startWorker({ ed25519SigningKeyLocation: file });
    const mounts = [{ file: 'mounted', content: { raw: 'x' } }];
    const taskId = await here.createTask({ ...ASKED, ...sh('echo ran'), mounts });
    expect(await here.resolved(taskId)).toMatchObject({
      state: 'exception',
      runs: [{ reasonResolved: 'malformed-payload' }],
    });
    const log = await here.log(taskId);
    expect(log).toContain(
      '[taskcluster:error] was expecting attempt to read private chain of trust key as task user to fail - however, it did not',
    );
    expect(log).not.toMatch(/^ran$/m);
    // The task was refused before anything was prepared for it.
    expect(log).not.toContain('[mounts]');
    // Another task, without chain of trust, is run.
    const other = await here.createTask({ features: { chainOfTrust: false }, ...sh('true') });
    expect(await here.resolved(other)).toMatchObject({ state: 'completed' });
  });

  it('is refused if its user owns the key and could make it readable again', async () => {
    const here = await setting();
    const file = await keyFile('closed', newEd25519Key());
    await here.startWorker({ ed25519SigningKeyLocation: file });
    await chmod(file, 0);
    const taskId = await here.createTask({ ...ASKED, ...sh(`chmod 600 ${file}; cat ${file}`) });
    expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'malformed-payload' }] });
    await rm(file);
    const next = await here.createTask({ ...ASKED, ...sh('true') });
    expect(await here.resolved(next)).toMatchObject({ runs: [{ reasonResolved: 'malformed-payload' }] });
  });

  it('is refused if the key is invalid and unreadable for tasks, while other tasks run', async () => {
    const here = await setting();
    const worker = await here.startWorker({ ed25519SigningKeyLocation: join(folder, 'nowhere') });
    expect(worker.events.filter(({ type }) => type === 'signing-key-unusable')).toMatchObject([
      { problem: expect.stringMatching(/nowhere cannot be read: ENOENT/) as string },
    ]);
    const taskId = await here.createTask({ ...ASKED, ...sh('true') });
    expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'malformed-payload' }] });
    const other = await here.createTask(sh('true'));
    expect(await here.resolved(other)).toMatchObject({ state: 'completed' });
  });

  it('is refused if the pool has no key, or disables the feature', async () => {
    for (const [config, words] of [
      [{}, /have no key to sign with \(ed25519SigningKeyLocation\)/],
      [
        { enableChainOfTrust: false, ed25519SigningKeyLocation: '/nowhere' },
        /not enabled on this worker pool/,
      ],
    ] as const) {
      const here = await setting();
      await here.startWorker(config);
      const taskId = await here.createTask({ ...ASKED, ...sh('true') });
      expect(await here.resolved(taskId)).toMatchObject({
        state: 'exception',
        runs: [{ reasonResolved: 'malformed-payload' }],
      });
      expect(await here.log(taskId)).toMatch(words);
    }
  });
});

describe('a container', () => {
  it('gets no chain of trust if it is root on the machine that holds the key', async () => {
    const here = await setting();
    const ed25519SigningKeyLocation = await keyFile('container', newEd25519Key());
    const engine = mockEngine({ capabilities: ['containers', 'peers'] });
    await here.startWorker({ ed25519SigningKeyLocation }, { wrap: () => engine });
    const task = { image: 'busybox', command: ['true'], ...ASKED };
    const usual = await here.resolved(await here.createTask(task));
    expect(usual.runs.at(-1)?.reasonResolved).not.toBe('malformed-payload');
    const taskId = await here.createTask(
      { ...task, capabilities: { privileged: true } },
      { scopes: ['docker-worker:capability:privileged'] },
    );
    expect((await here.resolved(taskId)).runs.at(-1)).toMatchObject({ reasonResolved: 'malformed-payload' });
    expect(await here.log(taskId)).toContain('attempt to read private chain of trust key');
  });
});
