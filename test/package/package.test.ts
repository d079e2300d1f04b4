import { execa } from 'execa';
import { randomUUID } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { registryOf } from './registry.ts';
import { PATIENCE_MS } from '../patience.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const inRoot = { cwd: root, preferLocal: true, localDir: root } as const;

let folder: string;
let tarball: string;
let packed: { files: { path: string; size: number }[]; size: number };

// What npm says of itself to its scripts would have the npm in here take this run's settings for its own.
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^npm_|_proxy$/i.test(name)),
);

async function npm(...words: string[]) {
  return execa('npm', [...words, '--userconfig', join(folder, 'npmrc'), '--cache', join(folder, 'cache')], {
    cwd: words[0] === 'pack' ? root : join(folder, 'project'),
    env: environment,
    extendEnv: false,
  });
}

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tcw-package-')));
  const { stdout } = await npm('pack', '--json', '--pack-destination', folder);
  const told = JSON.parse(stdout) as unknown;
  const [first] = Object.values(told as Record<string, typeof packed & { filename: string }>);
  if (!first) throw new Error('npm has packed nothing');
  packed = first;
  tarball = join(folder, first.filename);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the packed file', () => {
  it('holds what a user needs, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path);
    const allowed = [
      /^(CHANGELOG|LICENSE|README)(\.md)?$/,
      /^package\.json$/,
      /^bin\/tcw\.js$/,
      /^dist\/.+(\.js|\.d\.ts)$/,
      /^schemas\/.+\.json$/,
      /^docs\/.+\.md$/,
      /^docs\/monitoring\/.+\.(json|yml)$/,
      /^examples\/image\/(Dockerfile|setup\.sh)$/,
      /^examples\/.+\.(json|key|md|ts|yml)$/,
    ];
    expect(paths.filter(path => !allowed.some(pattern => pattern.test(path)))).toEqual([]);
    // Of no use without the sources.
    expect(paths).not.toContain('docs/testing.md');
    expect(paths).not.toContain('docs/architecture.md');
    expect(paths).toEqual(expect.arrayContaining(['docs/pulse/README.md', 'dist/pulse/index.d.ts']));
    expect(packed.size).toBeLessThan(1_550_000);
  });

  it('is well-formed, as publint sees it', async () => {
    const { stdout } = await execa('publint', ['run', tarball, '--strict'], inRoot);
    expect(stdout).toContain('All good!');
  });

  it('has types that resolve at every entry', async () => {
    // It fails by its exit code, when a resolution of the profile does.
    const { stdout } = await execa('attw', [tarball, '--profile', 'esm-only', '--no-emoji'], inRoot);
    const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: object };
    for (const entry of Object.keys(exports)) expect(stdout).toContain(`"tcw${entry.slice(1)}"`);
  });
});

describe('installed into an empty project', () => {
  beforeAll(async () => {
    await using registry = await registryOf(root);
    mkdirSync(join(folder, 'project'));
    const manifest = { name: 'somebody', version: '1.0.0', type: 'module', private: true };
    writeFileSync(join(folder, 'project/package.json'), JSON.stringify(manifest));
    const words = ['install', tarball, '@types/node', '--registry', registry.url, '--ignore-scripts'];
    await npm(...words, '--no-audit', '--no-fund', '--no-update-notifier');
    cpSync(join(import.meta.dirname, 'consumer.ts'), join(folder, 'project/consumer.ts'));
    // As strict as a consumer can be: our declarations are checked too.
    const compilerOptions = {
      target: 'es2024',
      module: 'nodenext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
    };
    writeFileSync(
      join(folder, 'project/tsconfig.json'),
      JSON.stringify({ compilerOptions, files: ['consumer.ts'] }),
    );
  });

  it('type-checks a program of its user, consumes and publishes', async () => {
    const project = join(folder, 'project');
    await execa('tsc', ['-p', project], inRoot);
    const { username, password, href } = new URL(inject('pulseUrl'));
    const { stdout } = await execa('node', ['consumer.js'], {
      cwd: project,
      preferLocal: true,
      localDir: root,
      env: { PULSE_URL: href, PULSE_USERNAME: username, PULSE_PASSWORD: password, RUN: randomUUID() },
      timeout: PATIENCE_MS,
    });
    expect(stdout.split('\n')).toEqual([
      'confirmed confirmed returned',
      'created.1 acked 1',
      'created.2 acked 1',
      'memory: acked',
      'task-pending',
      'no such queue now',
    ]);
  });

  it('runs a task', async () => {
    const task = join(folder, 'task.json');
    writeFileSync(task, JSON.stringify({ command: [['echo', 'from the package']], maxRunTime: 60 }));
    const { stdout, stderr } = await execa('node_modules/.bin/tcw', ['dev', '--once', task], {
      cwd: join(folder, 'project'),
      preferLocal: true,
      localDir: root,
    });
    expect(stdout).toContain('\nfrom the package\n');
    // Nothing but the worker's own log: no warning of Node about our code, or that of others.
    expect(stderr.split('\n').filter(line => !line.startsWith('{'))).toEqual([]);
  });

  it('has a tcw that starts', async () => {
    const { stdout } = await execa('node_modules/.bin/tcw', ['--version'], {
      cwd: join(folder, 'project'),
      preferLocal: true,
      localDir: root,
    });
    expect(stdout).toContain(
      (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version,
    );
  });
});
