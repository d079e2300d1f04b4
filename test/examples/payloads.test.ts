import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { newWorkplace, type DevSession, type Workplace } from '../cli/dev-session.ts';
import { freePorts } from '../harness/ports.ts';
import { PATIENCE_MS } from '../patience.ts';
import { shownLog } from './shown-log.ts';

const payloads = fileURLToPath(new URL('../../examples/payloads/', import.meta.url));
const page = new URL('../../docs/payload.md', import.meta.url);
const shownPart = /(<!-- the log of everything\.yml: begin -->\n\n```text\n)(.*?)(```\n)/s;

const hasCurl = spawnSync('sh', ['-c', 'command -v curl']).status === 0;
const hasRootGroup = execFileSync('id', ['-Gn'], { encoding: 'utf8' }).trim().split(' ').includes('root');
/** Of the queue, in the one example that needs to know it. */
const PORT = '43210';
const NEED_CURL = ['everything.yml', 'taskcluster-proxy.yml'];
/** They run where a Docker engine is: test/docker/examples.test.ts. */
const NEED_DOCKER = ['docker-hello.yml'];
const files = readdirSync(payloads).filter(name => name.endsWith('.yml'));

let workplace: Workplace;
let dev: DevSession;
let lines: string[];
// One session for all of them: most of the time would go by while one after the other starts.
beforeAll(async () => {
  workplace = newWorkplace();
  const [port = 0] = await freePorts(1);
  const left = [...(hasCurl ? [] : NEED_CURL), ...NEED_DOCKER];
  const run = files.filter(name => !left.includes(name)).map(name => atPort(name, port));
  const key = ['--encrypted-env-key-location', join(payloads, 'encrypted-env.key')];
  dev = await workplace.dev('--port', String(port), '--capacity', '2', ...key, ...run);
  await vi.waitFor(
    () => {
      expect(dev.stdout).toContain('\nThe queue listens at ');
    },
    { timeout: 3 * PATIENCE_MS, interval: 50 },
  );
  lines = dev.stdout.split('\n');
});
afterAll(async () => {
  await dev.stop();
  expect(readdirSync(workplace.temporary)).toEqual([]);
  await workplace[Symbol.asyncDispose]();
});

/** The path of an example: of a copy, where its port may be taken. */
function atPort(name: string, port: number): string {
  const file = join(payloads, name);
  const text = readFileSync(file, 'utf8');
  return text.includes(PORT) ? workplace.write(name, text.replaceAll(PORT, String(port))) : file;
}

/** How the task of a name ended, and its id. */
function ending(task: string): { resolution: string; taskId: string } {
  const found = new RegExp(`^. ${task}: (\\w+)(?:, .*)? \\(([\\w-]{22})\\)$`, 'm').exec(dev.stdout);
  return { resolution: found?.[1] ?? 'unknown', taskId: found?.[2] ?? '' };
}

/** What a task has uploaded, and how it is stored. */
async function uploads(task: string): Promise<string[]> {
  const artifacts = await dev.artifacts(ending(task).taskId);
  return artifacts.map(({ name, storageType }) => `${name} (${storageType})`);
}

const artifact = (task: string, name: string) => dev.artifact(ending(task).taskId, name);

describe('the example payloads', () => {
  it('complete, except those that are meant to fail', () => {
    const failed = [...dev.stdout.matchAll(/^✘ (.*): /gm)].map(([, task]) => task);
    expect(failed).toEqual(['max-run-time', ...(hasRootGroup ? [] : ['os-groups'])]);
  });

  it('artifacts.yml', async () => {
    expect(await uploads('artifacts')).toEqual([
      'private/copy (s3)',
      'public/coverage.json (error)',
      'public/logs/live.log (link)',
      'public/logs/live_backing.log (s3)',
      'public/reports/index.html (s3)',
      'public/reports/unit/result.json (s3)',
      'public/summary.txt (s3)',
    ]);
    expect(await artifact('artifacts', 'public/summary.txt')).toBe('All is well.\n');
  });

  it('caches.yml', () => {
    expect(lines).toContain('first | 1');
    expect(lines).toContain('second | 2');
  });

  it('chain-of-trust.yml', async () => {
    expect(await uploads('chain-of-trust')).toContain('public/chain-of-trust.json.sig (s3)');
    const document = await artifact('chain-of-trust', 'public/chain-of-trust.json');
    const { artifacts } = JSON.parse(document) as { artifacts: object };
    expect(artifacts).toHaveProperty(['public/version.txt', 'sha256']);
  });

  it('encrypted-env.yml', async () => {
    expect(lines).toContain('encrypted-env | The password is [redacted], which has 28 characters.');
    expect(dev.stdout).not.toContain('correct-horse');
    const withoutKey = await workplace.tcw('dev', '--once', join(payloads, 'encrypted-env.yml'));
    expect(withoutKey.stdout).toContain('have no key for encryptedEnv (encryptedEnvKeyLocation)');
    expect(withoutKey.exitCode).toBe(1);
  });

  it('env.yml', () => {
    expect(lines).toContain(`env | Good morning from ${ending('env').taskId}, run 0`);
  });

  it('exit-status.yml', () => {
    expect(lines).toContain('exit-status | The network is down today.');
    expect(lines).toContain('exit-status | It works at the second attempt.');
  });

  it('indexed-artifact.yml', () => {
    expect(lines).toContain('compile | compiled');
  });

  it('link.yml', () => {
    expect(lines).toContain('link | linked with two words');
  });

  it('logs.yml', async () => {
    expect(await uploads('logs')).toEqual(['private/logs/now.log (link)', 'private/logs/task.log (s3)']);
  });

  it('max-run-time.yml', () => {
    expect(lines).toContain('max-run-time | [taskcluster:error] task aborted - max run time exceeded');
    expect(ending('max-run-time').resolution).toBe('failed');
  });

  it('mounts.yml', () => {
    expect(lines).toEqual(
      expect.arrayContaining(['use | colour = blue', 'use | hello', 'use | Everything is in its place.']),
    );
  });

  it('os-groups.yml', () => {
    if (hasRootGroup) expect(ending('os-groups').resolution).toBe('completed');
    else expect(dev.stdout).toContain('is not in the group "root"');
  });

  it('purge-caches.yml', () => {
    expect(lines).toContain('purge-caches | The cache is new.');
  });

  it('resource-usage.yml', async () => {
    const report = await artifact('resource-usage', 'public/monitoring/resource-usage.json');
    const { commands, samples } = JSON.parse(report) as {
      commands: { peakMemoryBytes: number }[];
      samples: { timeMs: number[] };
    };
    expect(commands[0]?.peakMemoryBytes).toBeGreaterThan(0);
    expect(samples.timeMs.length).toBeGreaterThan(0);
  });

  it('run-task-as-current-user.yml', () => {
    const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();
    expect(lines).toContain(`run-task-as-current-user | ${user}`);
  });

  it('superseder-url.yml', () => {
    expect(lines).toContain('superseder-url | Nobody supersedes me.');
  });

  it.skipIf(!hasCurl)('taskcluster-proxy.yml', async () => {
    expect(await uploads('taskcluster-proxy')).toContain('public/homepage (reference)');
  });

  // With TCW_TEST_WRITE_DOCS=1 the page gets the log of this run.
  it.skipIf(!hasCurl)('everything.yml, whose log docs/payload.md shows', async () => {
    const log = shownLog(dev.stdout, 'everything');
    const text = await readFile(page, 'utf8');
    if (process.env.TCW_TEST_WRITE_DOCS === '1') {
      await writeFile(
        page,
        text.replace(shownPart, (_, begin: string, _log, end: string) => `${begin}${log}\n${end}`),
      );
      return;
    }
    // Uploads are told in the order in which they begin, which differs.
    const sorted = (shown = '') => shown.trimEnd().split('\n').sort();
    expect(sorted(log)).toEqual(sorted(shownPart.exec(text)?.[2]));
  });

  it('are all listed in their README and tested here', () => {
    const named = (file: string, pattern: RegExp) =>
      new Set([...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name]) => name));
    expect([...named(join(payloads, 'README.md'), /^\| \[([\w-]+\.yml)\]/gm)].sort()).toEqual(
      [...files].sort(),
    );
    expect(files.filter(name => !named(import.meta.filename, /'([\w-]+\.yml)/g).has(name))).toEqual([]);
  });
});
