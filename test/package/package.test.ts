import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { brokenLinks } from '../../scripts/check/links.ts';
import { programsOf } from '../docs/programs.ts';
import { PATIENCE_MS, TEST_MS } from '../patience.ts';
import { deployment } from '../worker/deployment.ts';
import { inRoot, npm, projectWith, type Project } from './project.ts';
import { registryOf } from './registry.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const program = (name: string) => read(`test/package/${name}`);
const manifest = (folder = '') => JSON.parse(read(`${folder}package.json`)) as Manifest;

interface Manifest {
  readonly version: string;
  readonly exports: object;
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** The lowest release of rxjs that both packages are tested with. The highest is the one that a checkout has. */
const LOWEST_RXJS = '7.5.5';

let folder: string;
let tcw: Packed;
let tcwPulse: Packed;
const path = ({ filename }: Packed) => join(folder, filename);

async function pack(...words: string[]): Promise<Packed> {
  const stdout = await npm(folder, root, 'pack', '--json', '--pack-destination', folder, ...words);
  const [first] = Object.values(JSON.parse(stdout) as Record<string, Packed>);
  if (!first) throw new Error('npm has packed nothing');
  return first;
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-package-')));
  // It builds both packages.
  tcw = await pack();
  tcwPulse = await pack('--workspace', 'tcw-pulse', '--ignore-scripts');
}, 3 * TEST_MS);
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A user of the broker, and a name for what one run of a program makes there. */
function environment(): Record<string, string> {
  const { username, password, href } = new URL(inject('pulseUrl'));
  return { PULSE_URL: href, PULSE_USERNAME: username, PULSE_PASSWORD: password, RUN: randomUUID() };
}

const PRINTED_BY_CONSUMER = [
  'confirmed confirmed returned',
  'created.1 acked 1',
  'created.2 acked 1',
  'memory: 1',
  "[ '/status is missing' ] status",
  'expired',
  '100 days',
  '1 true true',
  'true',
  'no command function',
  'no such queue now',
];
const PRINTED_BY_PULSE_CONSUMER = [
  'handled 1',
  'acked',
  'from memory 2',
  "[ '/status is missing' ]",
  'OpenTelemetry is loaded: false',
];

describe('the packed file of tcw', () => {
  it('contains the files that a user needs, and nothing else', () => {
    const paths = tcw.files.map(({ path }) => path);
    const allowed = [
      /^(CHANGELOG|CONTRIBUTING|LICENSE|README)(\.md)?$/,
      /^package\.json$/,
      /^bin\/tcw\.js$/,
      /^dist\/.+(\.js|\.d\.ts)$/,
      /^schemas\/.+\.json$/,
      /^docs\/.+\.(md|svg)$/,
      /^docs\/monitoring\/.+\.(json|yml)$/,
      /^examples\/image\/(Dockerfile|setup\.sh)$/,
      /^examples\/.+\.(json|key|md|mjs|ts|yml)$/,
    ];
    expect(paths.filter(path => !allowed.some(pattern => pattern.test(path)))).toEqual([]);
    expect(paths).toEqual(expect.arrayContaining(['docs/pulse/README.md', 'dist/pulse/index.d.ts']));
    expect(tcw.size).toBeLessThan(1_700_000);
  });
});

describe('the packed file of tcw-pulse', () => {
  it('contains the libraries, their declarations and the schemas of messages, and nothing else', () => {
    const paths = tcwPulse.files.map(({ path }) => path);
    const allowed = [
      /^(LICENSE|README\.md|package\.json)$/,
      /^dist\/[\w-]+\.js$/,
      /^dist\/(base|exchanges|pulse)\/.+\.d\.ts$/,
      /^schemas\/taskcluster\/(auth|github|hooks|notify|queue|worker-manager)\/.+\.json$/,
    ];
    expect(paths.filter(path => !allowed.some(pattern => pattern.test(path)))).toEqual([]);
    expect(tcwPulse.size).toBeLessThan(120_000);
  });

  it('is built when it is packed', () => {
    expect(manifest('packages/pulse/').scripts.prepack).toBe('cd ../.. && npm run build');
  });

  it('has the same version and the same range of rxjs as tcw', () => {
    const { version, peerDependencies } = manifest();
    expect(manifest('packages/pulse/')).toMatchObject({ version, peerDependencies });
    expect(peerDependencies).toEqual({ rxjs: `^${LOWEST_RXJS}` });
  });

  it('declares every package that its files load or refer to, and no other', async () => {
    const { stdout } = await execa('tar', ['-xzOf', path(tcwPulse), '--wildcards', '*.js', '*.d.ts']);
    const loaded = stdout.matchAll(/(?:\bfrom |\bimport\(|\brequire\()["']([^."'][^"']*)["']/g);
    const names = Array.from(loaded, ([, name = '']) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '');
    const { dependencies, peerDependencies } = manifest('packages/pulse/');
    expect([...new Set(names.filter(name => !name.startsWith('node:')))].sort()).toEqual(
      Object.keys({ ...dependencies, ...peerDependencies }).sort(),
    );
  });
});

describe.each([
  { name: 'tcw', packed: () => tcw, place: '' },
  { name: 'tcw-pulse', packed: () => tcwPulse, place: 'packages/pulse/' },
])('$name', ({ name, packed, place }) => {
  it('is well-formed according to publint', async () => {
    const { stdout } = await execa('publint', ['run', path(packed()), '--strict'], inRoot);
    expect(stdout).toContain('All good!');
  });

  it('has types that resolve at every entry', async () => {
    // Its exit code says whether a resolution of the profile failed.
    const { stdout } = await execa('attw', [path(packed()), '--profile', 'esm-only', '--no-emoji'], inRoot);
    for (const entry of Object.keys(manifest(place).exports)) {
      expect(stdout).toContain(`"${name}${entry.slice(1)}"`);
    }
  });
});

describe('in an empty project,', () => {
  let withTcw: Project;
  let withPulse: Project;
  let withLowest: Project;
  beforeAll(async () => {
    await using registry = await registryOf(root);
    const project = (name: string, ...packages: string[]) =>
      projectWith(folder, name, registry.url, ...packages);
    withTcw = await project('with-tcw', path(tcw));
    withPulse = await project('with-pulse', path(tcwPulse));
    withLowest = await project('with-lowest', path(tcw), path(tcwPulse), `rxjs@${LOWEST_RXJS}`);
  }, 2 * TEST_MS);

  const worker = programsOf(read('docs/worker-library.md'))[0];
  const programs = {
    'consumer.ts': program('consumer.ts'),
    'pulse-consumer.ts': program('pulse-consumer.ts'),
    'worker.ts': worker?.code ?? '',
  };
  const { 'pulse-consumer.ts': pulseConsumer, ...ofTcw } = programs;

  it('tcw has documents without broken links', () => {
    expect(brokenLinks(join(withTcw.folder, 'node_modules/tcw'))).toEqual([]);
  });

  it('tcw-pulse has documents without broken links', () => {
    expect(brokenLinks(join(withPulse.folder, 'node_modules/tcw-pulse'))).toEqual([]);
  });

  it('tcw-pulse installs few packages and needs little space', () => {
    expect(withPulse.packages()).toEqual([
      '@opentelemetry/api',
      'ajv',
      'ajv-formats',
      'amqplib',
      'fast-deep-equal',
      'fast-uri',
      'json-schema-traverse',
      'require-from-string',
      'rxjs',
      'tcw-pulse',
      'tslib',
    ]);
    const megabytes = (project: Project) => (project.bytes() / 1e6).toFixed(1);
    console.log(
      `tcw: ${withTcw.packages().length} packages, ${megabytes(withTcw)} MB; ` +
        `tcw-pulse: ${withPulse.packages().length} packages, ${megabytes(withPulse)} MB`,
    );
    expect(withPulse.bytes()).toBeLessThan(withTcw.bytes() / 3);
  });

  it('tcw shares one copy of rxjs with its user', () => {
    for (const project of [withTcw, withPulse, withLowest]) {
      expect(project.packages().filter(path => /(^|\/)rxjs$/.test(path))).toEqual(['rxjs']);
    }
  });

  it('programs that import every entry of tcw type-check and run', async () => {
    await withTcw.compile(ofTcw);
    expect(await withTcw.start('consumer.js', environment()).lines).toEqual(PRINTED_BY_CONSUMER);
  });

  it('programs that import every entry of tcw-pulse do so, too', async () => {
    await withPulse.compile({ 'pulse-consumer.ts': pulseConsumer });
    const { lines } = withPulse.start('pulse-consumer.js', environment());
    expect(await lines).toEqual(PRINTED_BY_PULSE_CONSUMER);
  });

  it(`both work with rxjs ${LOWEST_RXJS}, too`, async () => {
    await withLowest.compile(programs);
    expect(await withLowest.start('consumer.js', environment()).lines).toEqual(PRINTED_BY_CONSUMER);
    const { lines } = withLowest.start('pulse-consumer.js', environment());
    expect(await lines).toEqual(PRINTED_BY_PULSE_CONSUMER);
  });

  it('the worker of docs/worker-library.md runs a task', async () => {
    const here = await deployment();
    onTestFinished(() => here.close());
    const taskId = await here.createTask(
      { command: [['echo', 'from the library']] },
      { taskQueueId: 'proj-example/linux' },
    );
    const running = withLowest.start('worker.js', here.userEnvironment);
    await vi.waitUntil(async () => (await here.status(taskId)).state === 'completed', {
      timeout: PATIENCE_MS,
      interval: 200,
    });
    running.interrupt();
    expect((await running.lines).at(-1)).toBe('ended: stopped');
    expect(await here.log(taskId)).toContain('\nfrom the library\n');
  });

  it('tcw runs a task', async () => {
    const task = join(folder, 'task.json');
    writeFileSync(task, JSON.stringify({ command: [['echo', 'from the package']], maxRunTime: 60 }));
    const words = ['dev', '--once', task];
    const { stdout, stderr } = await execa('node_modules/.bin/tcw', words, {
      ...inRoot,
      cwd: withTcw.folder,
    });
    expect(stdout).toContain('\nfrom the package\n');
    // The worker's own log, and no warning of Node.
    expect(stderr.split('\n').filter(line => !line.startsWith('{'))).toEqual([]);
  });

  it('has an executable that starts', async () => {
    const { stdout } = await execa('node_modules/.bin/tcw', ['--version'], {
      ...inRoot,
      cwd: withTcw.folder,
    });
    expect(stdout).toContain(manifest().version);
  });
});
