import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { connect, Secret } from '../../src/pulse/index.ts';
import { start, tcw } from './tcw.ts';
import { notGiven, queueForWorkers } from './workers.ts';

const POOL = 'test/processes';
const ALL_SCOPES = [
  `queue:claim-work:${POOL}`,
  'queue:worker-id:group/*',
  `queue:pending-count:${POOL}`,
  'queue:status:*',
  `queue:get-worker:${POOL}/group/*`,
  `purge-cache:purge-requests::${POOL}`,
  'auth:current-scopes',
];
const TOKEN = 'token-that-nobody-may-see';

interface Report {
  readonly exitCode: number;
  readonly checks: readonly { group: string; verdict: string; message: string; exitCode?: number }[];
}

/** A deployment whose worker has these scopes. */
async function deployment(scopes: readonly string[] = ALL_SCOPES) {
  const here = await queueForWorkers({
    clients: [{ clientId: 'worker', accessToken: new Secret(TOKEN), scopes: [...scopes] }],
  });
  onTestFinished(() => here.close());
  /** A worker without Pulse, none of whose folders exists yet. */
  const words = (...flags: string[]) => {
    const folders = ['tasks', 'caches', 'downloads'].map(kind => `--${kind}-dir=${here.tasksDir}/${kind}`);
    return here.words(...notGiven(flags, '--engine=native', ...folders), ...flags);
  };
  const environment = { ...here.environment, TCW_ACCESS_TOKEN: TOKEN };
  const check = async (flags: readonly string[] = [], more: Record<string, string> = {}) => {
    const before = await tree(here.tasksDir);
    const ended = await tcw([...words(...flags), '--check', '--json'], {
      environment: { ...environment, ...more },
    });
    expect(await tree(here.tasksDir)).toEqual(before);
    expect(ended.stdout + ended.stderr).not.toContain(TOKEN);
    const report = JSON.parse(ended.stdout) as Report;
    expect(report.exitCode).toBe(ended.exitCode);
    return { ...report, stderr: ended.stderr };
  };
  return { ...here, words, environment, check };
}

async function tree(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).sort();
}

const failed = ({ checks }: Report) => checks.filter(({ verdict }) => verdict === 'fail');

async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tcw-checked-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('tcw run --check of a worker that would work', () => {
  it('prints a line for each check in groups, exits with 0, and changes nothing on the machine or in the queue', async () => {
    const { words, environment, local, tasksDir } = await deployment();
    const before = await tree(tasksDir);
    const { exitCode, stdout, stderr } = await tcw([...words('--worker-id=w1'), '--check'], { environment });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines.filter(line => /^\w/.test(line))).toEqual([
      'configuration',
      'machine',
      'Taskcluster',
      'Pulse',
      expect.stringMatching(/^tcw run would start and ask for work/),
    ]);
    expect(lines).toContain(`  ok    complete: worker group/w1 of the pool ${POOL}`);
    expect(lines).toContain(`  ok    tasksDir ${tasksDir}/tasks can be created`);
    expect(lines).toContain('  ok    engine native: works');
    expect(lines).toContain(`  ok    ${local.rootUrl} answers: 0 tasks are pending for ${POOL}`);
    expect(lines).toContain('  ok    credentials of worker are accepted');
    expect(lines).toContain(`  ok    scope queue:claim-work:${POOL}`);
    // Neither Sentry nor the programs for rare formats are something that the configuration asks for.
    expect(lines.filter(line => /^ {2}warn/.test(line))).toEqual([]);
    expect(stdout).not.toContain('sentry');
    expect(lines).toContain('  ok    no pulseUrl: polling for work');
    expect(await tree(tasksDir)).toEqual(before);
  });

  it('claims no task, and does not appear in the queue afterwards', async () => {
    const here = await queueForWorkers();
    onTestFinished(() => here.close());
    const taskId = await here.create('true');
    const { exitCode, stdout } = await tcw([...here.words('--worker-id=w2'), '--check'], {
      environment: here.environment,
    });
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain('fail');
    expect((await here.status(taskId)).runs[0]?.state).toBe('pending');
  });

  it('connects to Pulse, but creates no queue there', async () => {
    const queue = connect({ url: inject('queuePulseUrl') });
    onTestFinished(() => queue.close());
    await queue.declareExchange('exchange/taskcluster-queue/v1/task-exception');
    const { check } = await deployment();
    const { exitCode, checks } = await check([], { PULSE_URL: inject('pulseUrl') });
    expect(checks.filter(({ group }) => group === 'Pulse')).toEqual([
      { group: 'Pulse', verdict: 'ok', message: 'the broker accepts the connection' },
      { group: 'Pulse', verdict: 'ok', message: 'the worker may listen to exchanges of the queue' },
    ]);
    expect(exitCode).toBe(0);
  });

  it('warns about missing scopes that limit the worker', async () => {
    const { check } = await deployment([...ALL_SCOPES.slice(0, 2), 'auth:current-scopes']);
    const report = await check(['--sentry-project=mine']);
    const warned = report.checks.filter(({ verdict }) => verdict === 'warn').map(({ message }) => message);
    expect(report.exitCode).toBe(0);
    expect(warned).toContain(
      `scope queue:pending-count:${POOL} is missing: without it, finding a task whose notice was lost takes minutes`,
    );
    expect(warned).toContain(
      `scope purge-cache:purge-requests::${POOL} is missing: without it, caches are not purged on request`,
    );
    expect(warned).toContain(
      'scope auth:sentry:mine is missing: without it, crashes are not reported to Sentry',
    );
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves no files at %s', async signal => {
    const { words, environment } = await deployment();
    const temporary = await temporaryFolder();
    // This Docker engine accepts connections and never answers.
    const asked = Promise.withResolvers<undefined>();
    const engine = createServer(() => {
      asked.resolve(undefined);
    }).listen(0, '127.0.0.1');
    await once(engine, 'listening');
    onTestFinished(() => void engine.close());
    const { port } = engine.address() as AddressInfo;
    const flags = ['--engine=docker', `--docker-host=tcp://127.0.0.1:${port}`, '--check'];
    const child = start(words(...flags), { environment: { ...environment, TMPDIR: temporary } });
    const closed = once(child, 'close');
    await asked.promise;
    expect(await tree(temporary)).toContainEqual(expect.stringMatching(/^\.tcw-check-\w+$/));
    child.kill(signal);
    expect(await closed).toEqual([null, signal]);
    expect(await tree(temporary)).toEqual([]);
  });

  it('reports which scopes it cannot check without auth:current-scopes', async () => {
    const { check } = await deployment(ALL_SCOPES.slice(0, 2));
    const report = await check(['--worker-id=w5']);
    expect(report.exitCode).toBe(0);
    const skipped = report.checks.filter(({ verdict }) => verdict === 'skip').map(({ message }) => message);
    expect(skipped).toEqual([
      `scopes queue:claim-work:${POOL}, queue:worker-id:group/w5 and others: the auth service does not list them; ` +
        'add auth:current-scopes to worker',
    ]);
  });

  it('warns if Pulse is unreachable, because the worker would poll', async () => {
    const { check } = await deployment();
    const { exitCode, checks } = await check([], { TCW_PULSE_URL: 'amqp://me:PASSWORD@127.0.0.1:1' });
    expect(exitCode).toBe(0);
    const [warning] = checks.filter(({ group }) => group === 'Pulse');
    expect(warning).toMatchObject({ verdict: 'warn' });
    expect(warning?.message).toMatch(/^Pulse cannot be reached: polling .*ECONNREFUSED/);
    expect(JSON.stringify(checks)).not.toContain('PASSWORD');
  });
});

describe('tcw run --check of a worker that would end at its start reports why, with the exit code of tcw run, for', () => {
  const wrongPulse = () => inject('pulseUrl').replace(/:[^:@/]+@/, ':PASSWORD@');
  it.each<
    [
      what: string,
      flags: (folder: string) => string[],
      more: () => Record<string, string>,
      code: number,
      says: RegExp,
    ]
  >([
    [
      'a wrong token',
      () => [],
      () => ({ TCW_ACCESS_TOKEN: 'wrong' }),
      73,
      /the queue refuses the credentials of worker; /,
    ],
    [
      'an unknown client',
      () => ['--client-id=nobody'],
      () => ({}),
      73,
      /the queue refuses the credentials of nobody; /,
    ],
    [
      'a certificate that is not JSON',
      () => [],
      () => ({ TCW_CERTIFICATE: 'x' }),
      73,
      /^certificate is not JSON/,
    ],
    [
      'a Pulse password that the broker refuses',
      () => [],
      () => ({ TCW_PULSE_URL: wrongPulse() }),
      73,
      /^Pulse: .*refused/,
    ],
    [
      'a Docker engine that is missing',
      () => ['--engine=docker', '--docker-host=unix:///nowhere/docker.sock'],
      () => ({}),
      69,
      /Docker/,
    ],
    [
      'a tasksDir that is a file',
      folder => [`--tasks-dir=${folder}/file`],
      () => ({}),
      73,
      /^tasksDir .*file: .*is not a folder/,
    ],
    [
      'a cachesDir that is a file',
      folder => [`--caches-dir=${folder}/file`],
      () => ({}),
      73,
      /^cachesDir .*file: .*is not a folder/,
    ],
    [
      'a key that is missing',
      () => ['--encrypted-env-key-location=/no/such/key'],
      () => ({}),
      73,
      /encryptedEnvKeyLocation: \/no\/such\/key/,
    ],
    [
      'a misspelt option',
      () => ['--capactiy=2'],
      () => ({}),
      64,
      /unknown option --capactiy; did you mean --capacity\?/,
    ],
    ['a value of the wrong type', () => ['--capacity=many'], () => ({}), 64, /--capacity: capacity must be/],
    ['a value out of range', () => ['--capacity=0'], () => ({}), 73, /--capacity: capacity must be/],
  ])('%s', async (_, flagsIn, more, code, says) => {
    const { check, words, environment } = await deployment();
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const flags = flagsIn(folder);
    const report = await check(flags, more());
    expect(report.exitCode).toBe(code);
    expect(failed(report).map(({ message }) => message)).toContainEqual(expect.stringMatching(says));
    expect(JSON.stringify(report)).not.toContain('PASSWORD');
    const ended = await tcw(words(...flags), { environment: { ...environment, ...more() } });
    expect(ended.exitCode).toBe(code);
  });

  it('a port that is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { check } = await deployment();
    const report = await check([`--monitoring-port=${port}`, '--monitoring-address=127.0.0.1']);
    expect(report.exitCode).toBe(73);
    expect(failed(report)).toEqual([
      expect.objectContaining({ message: expect.stringContaining(`monitoringPort ${port}`) as string }),
    ]);
  });

  it('every problem of a configuration file, one per line', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'worker.yml');
    await writeFile(file, `rootURL: 5\naccessToken: ${TOKEN}\ncapactiy: 1\n`);
    const { exitCode, stdout } = await tcw(['run', '-c', file, '--check', '--json']);
    expect(exitCode).toBe(64);
    expect(stdout).not.toContain(TOKEN);
    const messages = failed(JSON.parse(stdout) as Report).map(({ message }) => message);
    expect(messages).toContain(`file ${file}: unknown property capactiy; did you mean capacity?`);
    expect(messages).toContain(`file ${file}: rootURL must be a string: put it in quotes; it is 5`);
    expect(messages.length).toBeGreaterThan(3);
  });
});

describe('tcw run --check of a worker that would never get a task exits with 69', () => {
  it.each(ALL_SCOPES.slice(0, 2))('without the scope %s', async scope => {
    const { check } = await deployment(ALL_SCOPES.filter(one => one !== scope));
    const report = await check(['--worker-id=w3']);
    const named = scope.replace('*', 'w3');
    expect(report.exitCode).toBe(69);
    expect(failed(report).map(({ message }) => message)).toEqual([
      `scope ${named} is missing: without it, the worker gets no task. Add it to worker`,
    ]);
  });

  it('without a reachable deployment', async () => {
    const { check } = await deployment();
    const report = await check(['--root-url=http://127.0.0.1:1']);
    expect(report.exitCode).toBe(69);
    expect(failed(report).map(({ message }) => message)).toEqual([
      expect.stringMatching(/^http:\/\/127\.0\.0\.1:1 does not answer: .*ECONNREFUSED.*would keep trying$/),
    ]);
  });
});

describe('tcw run --check of a worker that registers', () => {
  it('reports what it did not try, and does not register', async () => {
    const { local, environment, tasksDir } = await deployment();
    await mkdir(join(tasksDir, 'state'));
    const { exitCode, stdout } = await tcw(
      [
        'run',
        '--check',
        '--json',
        `--tasks-dir=${tasksDir}/tasks`,
        `--registration-file=${tasksDir}/state/r.json`,
      ],
      {
        environment: {
          ...environment,
          TCW_ROOT_URL: local.rootUrl,
          TCW_PROVIDER: 'static',
          TCW_PROVIDER_ID: 'static',
          TCW_STATIC_SECRET: 'SECRET-OF-STATIC'.padEnd(44, 'x'),
          TCW_WORKER_POOL_ID: POOL,
          TCW_WORKER_GROUP: 'group',
          TCW_WORKER_ID: 'w4',
        },
      },
    );
    expect(stdout).not.toContain('SECRET-OF-STATIC');
    const { checks } = JSON.parse(stdout) as Report;
    expect(exitCode).toBe(0);
    expect(checks.filter(({ verdict }) => verdict === 'skip').map(({ message }) => message)).toEqual([
      "the worker pool's own settings, which come with the registration",
      "engines and features: the worker pool's settings may choose them",
      'the registration itself, and the credentials and scopes that it gives',
      "the connection: the worker pool's settings may name the broker",
    ]);
    expect(checks).toContainEqual(
      expect.objectContaining({ verdict: 'ok', message: `${local.rootUrl} answers` }),
    );
    expect(await tree(tasksDir)).toEqual(['state']);
  });
});

describe('--json', () => {
  it('is refused without --check', async () => {
    expect(await tcw(['run', '--json'])).toEqual({
      exitCode: 64,
      stdout: '',
      stderr: 'tcw: --json is for the report of --check\n',
    });
  });
});
