import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect as expectAlone, it as test, onTestFinished } from 'vitest';
import { configDefaults, startWorker, type WorkerConfig } from '../../src/worker/index.ts';
import { Secret } from '../../src/pulse/index.ts';
import { scriptFormat } from '../../src/worker/payloads/index.ts';
import { testOf } from './ways.ts';

/** A script that obeys its payload. */
const SCRIPT = `
  const { writeFileSync, mkdirSync, readFileSync } = require('node:fs');
  const payload = JSON.parse(readFileSync(0, 'utf8'));
  console.log('got', JSON.stringify(payload));
  console.error('for', process.env.TASK_ID.length, 'characters');
  for (const [name, text] of Object.entries(payload.files ?? {})) {
    mkdirSync(require('node:path').dirname('artifacts/' + name), { recursive: true });
    writeFileSync('artifacts/' + name, text);
  }
  process.exitCode = payload.exitCode;`;

const config: Partial<WorkerConfig> = {
  engine: 'script',
  scriptCommand: [process.execPath, '-e', SCRIPT],
  scriptSchema: {
    type: 'object',
    properties: {
      exitCode: { type: 'integer', default: 0 },
      files: { type: 'object', additionalProperties: { type: 'string' } },
      note: { type: 'string' },
    },
    required: ['note'],
  },
};

describe.concurrent('a worker with the engine for scripts', () => {
  const it = testOf('with Pulse');

  it('passes each payload to the script, and uploads the files that it creates', async ({
    deploy,
    expect,
  }) => {
    const here = await deploy();
    await here.startWorker(config);
    const note = `it's "quoted" $(and) \\ more\n`;
    const files = { 'public/a.txt': 'text', 'public/deep/b.json': '{}' };
    const taskId = await here.createTask({ note, files });
    expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
    const log = await here.log(taskId);
    // The payload as validated by the schema, with defaults.
    expect(log).toContain(`\ngot ${JSON.stringify({ maxRunTime: 60, note, files, exitCode: 0 })}\n`);
    expect(log).toContain('\n[worker:error] for 22 characters\n');
    expect(String(await here.artifact(taskId, 'public/a.txt'))).toBe('text');
    const names = (await here.artifacts(taskId)).map(({ name }) => name).sort();
    expect(names).toEqual([
      'public/a.txt',
      'public/deep/b.json',
      'public/logs/live.log',
      'public/logs/live_backing.log',
    ]);
  });

  it.for([
    [0, 'completed', undefined],
    [1, 'failed', undefined],
    [2, 'exception', 'malformed-payload'],
    [3, 'exception', 'internal-error'],
    [7, 'failed', undefined],
  ] as const)('treats exit code %i as %s', async ([exitCode, state, reason], { deploy, expect }) => {
    const here = await deploy();
    await here.startWorker(config);
    const taskId = await here.createTask({ note: '', exitCode });
    const status = await here.resolved(taskId);
    expect(status.state).toBe(state);
    if (reason !== undefined) expect(status.runs[0]?.reasonResolved).toBe(reason);
    // The worker continues, and a task without a file has only its log as an artifact.
    const next = await here.createTask({ note: '' });
    expect(await here.resolved(next)).toMatchObject({ state: 'completed' });
    expect(await here.artifacts(next)).toHaveLength(2);
  });

  it('ends when the script reports that it can run no more tasks', async ({ deploy, expect }) => {
    const here = await deploy();
    const worker = await here.startWorker(config);
    const taskId = await here.createTask({ note: '', exitCode: 4 });
    const status = await here.resolved(taskId);
    expect(status.runs[0]?.reasonResolved).toBe('internal-error');
    expect(await worker.ended).toBe('out-of-service');
    expect(worker.events).toContainEqual(expect.objectContaining({ type: 'worker-unfit', exitCode: 4 }));
  });

  it('refuses a payload that the pool’s schema does not accept', async ({ deploy, expect }) => {
    const here = await deploy();
    await here.startWorker(config);
    const taskId = await here.createTask({ files: { a: 1 }, other: true });
    const status = await here.resolved(taskId);
    expect(status.runs[0]?.reasonResolved).toBe('malformed-payload');
    const log = await here.log(taskId);
    expect(log).toMatch(/note/);
    expect(log).toMatch(/- \/files\/a/);
    expect(log).not.toContain('Executing command');
  });
});

describe('an invalid configuration for the engine "script"', () => {
  const maxTaskRunTime = 10;
  const right = { scriptCommand: ['true'], scriptSchema: { properties: {} }, maxTaskRunTime };

  test.each([
    ['no program', { scriptCommand: [] }, /^scriptCommand: the engine "script" needs a program/],
    ['no schema', { scriptSchema: undefined }, /^scriptSchema: the engine "script" needs to know what/],
    ['a type', { scriptSchema: { type: 'array' } }, /^scriptSchema: its type is not object/],
    ['another key', { scriptSchema: { anyOf: [] } }, /^scriptSchema: it may have no key "anyOf" at its top/],
    ['no schema at all', { scriptSchema: { properties: { a: { type: 'no' } } } }, /^scriptSchema: .*type/],
    ['a list', { scriptSchema: { properties: [] } }, /^scriptSchema: /],
    ['no list', { scriptSchema: { required: 'a' } }, /^scriptSchema: /],
  ])('is refused if it has %s', (_, change, message) => {
    expectAlone(() => scriptFormat({ ...right, ...change })).toThrow(message);
  });

  test('prevents the start of a worker', async () => {
    const tasksDir = await mkdtemp(join(tmpdir(), 'tcw-test-'));
    onTestFinished(() => rm(tasksDir, { recursive: true }));
    const worker = startWorker({
      version: '0',
      config: {
        ...configDefaults(),
        rootURL: 'http://127.0.0.1:1',
        clientId: 'a',
        accessToken: new Secret('token'),
        provisionerId: 'p',
        workerType: 'w',
        workerGroup: 'g',
        workerId: 'i',
        tasksDir,
        engine: 'script',
      },
    });
    await expectAlone(worker.done).rejects.toMatchObject({
      name: 'StartError',
      message: expectAlone.stringContaining('scriptCommand: the engine "script" needs a program') as string,
    });
  });
});
