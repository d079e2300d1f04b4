import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { Ajv } from 'ajv';
import { afterAll, describe, expect, it } from 'vitest';
import { flagName } from '../../src/cli/config/spelling.ts';
import { configSchema, OBSOLETE_PROPERTIES, PROPERTIES } from '../../src/worker/config/index.ts';
import { start, tcw } from './tcw.ts';

const { version, engines } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as {
  version: string;
  engines: { node: string };
};
const folder = mkdtempSync(join(tmpdir(), 'tcw-frame-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('tcw', () => {
  it('prints its version', async () => {
    expect(await tcw(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([[['--help']], [['help']], [['run', '--help']], [['help', 'run']], [['dev', '-h']]])(
    'prints help that fits 80 columns: %j',
    async words => {
      const { exitCode, stdout, stderr } = await tcw(words);
      expect([exitCode, stderr]).toEqual([0, '']);
      expect(stdout).toMatch(/^Usage: tcw/);
      expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([]);
    },
  );

  it.each([
    [['help', 'task', 'log'], 'tcw task log'],
    [['task', 'help', 'log'], 'tcw task log'],
    [['help', 'pulse', 'queue', 'purge'], 'tcw pulse queue purge'],
    [['task', 'help'], 'tcw task'],
  ])('%j prints the help of %s', async (words, command) => {
    const { exitCode, stdout, stderr } = await tcw(words);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`^Usage: ${command} \\[options\\]`));
  });

  it('lists every property in its help, but no obsolete one', async () => {
    const { stdout } = await tcw(['run', '--help']);
    const flags = new Set(stdout.match(/(?<=^ +)--[a-z0-9-]+/gm));
    expect([...PROPERTIES.keys()].map(flagName).filter(flag => !flags.has(flag))).toEqual([]);
    expect([...OBSOLETE_PROPERTIES.keys()].map(flagName).filter(flag => flags.has(flag))).toEqual([]);
  });

  it('without a command prints its help as an error', async () => {
    const { exitCode, stdout, stderr } = await tcw([]);
    expect([exitCode, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/^Usage: tcw/);
  });

  it('prints the JSON schema of the configuration', async () => {
    const { exitCode, stdout } = await tcw(['show-config-schema']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(configSchema());
    expect(() => new Ajv({ strict: true }).compile(JSON.parse(stdout) as object)).not.toThrow();
  });

  it
    .runIf(existsSync('/dev/full'))
    .each([
      [['show-config-schema']],
      [['show-payload-schema']],
      [['completion', 'bash']],
      [['pulse', 'exchanges', '--json']],
      [['install', 'service', '--print', '--for', 'systemd', '--config', join(folder, 'empty.yml')]],
    ])('reports that the result of %j cannot be written', async words => {
    writeFileSync(join(folder, 'empty.yml'), '');
    const { exitCode, stderr } = await tcw(words, { before: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
    expect(exitCode).toBe(69);
    expect(stderr).toMatch(/^tcw: could not write [^\n]+: ENOSPC[^\n]+\n$/);
  });

  it('ignores that the reader of its output exits early', async () => {
    const child = start(['show-config-schema']);
    child.stdout?.destroy();
    let stderr = '';
    child.stderr?.on('data', chunk => (stderr += String(chunk)));
    const [exitCode] = (await once(child, 'close')) as [number];
    expect([exitCode, stderr]).toEqual([0, '']);
  });
});

describe('an unknown argument', () => {
  it.each([
    [['rnu'], 'unknown command rnu; did you mean run?'],
    [['show-payload-shema'], 'unknown command show-payload-shema; did you mean show-payload-schema?'],
    [['frobnicate'], 'unknown command frobnicate '],
    [['--verison'], 'unknown option --verison; did you mean --version?'],
    [['dev', '--onec'], 'unknown option --onec; did you mean --once?'],
    [
      ['dev', '--quue-pulse-url=amqp://u:SECRET@h'],
      'unknown option --quue-pulse-url; did you mean --queue-pulse-url?',
    ],
    [['dev', '--port'], '--port <port> needs a value'],
    [['run', '--capacity'], '--capacity <number> needs a value'],
    [['show-config-schema', 'more'], 'too many arguments'],
    [['rnu', '--help'], 'unknown command rnu; did you mean run?'],
    [['help', 'rnu'], 'unknown command rnu; did you mean run?'],
    [['help', 'task', 'lgo'], 'unknown command lgo; did you mean log?'],
    [['task', 'help', 'lgo'], 'unknown command lgo; did you mean log?'],
    [['pulse', 'queue', 'inspcet', '-h'], 'unknown command inspcet; did you mean inspect?'],
  ])('%j leads to one line and exit code 64', async (words, message) => {
    const { exitCode, stdout, stderr } = await tcw(words);
    expect([exitCode, stdout]).toEqual([64, '']);
    expect(stderr).toMatch(/^tcw: [^\n]+ \(see tcw[^\n]* --help\)\n$/);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('SECRET');
  });
});

describe('tcw run with a wrong configuration', () => {
  it('exits with 64 for a file that cannot be loaded, and lists all problems without a stack', async () => {
    const file = join(folder, 'wrong.yml');
    writeFileSync(file, 'rootUri: https://tc.example.com\naccessToken: SECRET\ncapacity: four\n', {
      mode: 0o600,
    });
    const { exitCode, stdout, stderr } = await tcw(['run', '--config', file, '--wrker-id', 'x'], {
      environment: { TCW_WORKER_TYP: 'x', TASKCLUSTER_CLIENT_ID: 'c' },
    });
    expect([exitCode, stdout]).toEqual([64, '']);
    expect(stderr.trim().split('\n')).toEqual([
      'tcw: the configuration has 7 problems:',
      `  - file ${file}: unknown property rootUri; did you mean rootURL?`,
      '  - environment: unknown variable TCW_WORKER_TYP; did you mean TCW_WORKER_TYPE?',
      '  - command line: unknown option --wrker-id; did you mean --worker-id?',
      `  - file ${file}: capacity must be a whole number from 1 to 255; it is "four"`,
      '  - rootURL is missing: give it in the configuration file, as TCW_ROOT_URL or TASKCLUSTER_ROOT_URL, or with --root-url',
      '  - workerType is missing: give it in the configuration file, as TCW_WORKER_TYPE, or with --worker-type',
      '  - workerId is missing: give it in the configuration file, as TCW_WORKER_ID, or with --worker-id',
    ]);
  });

  it('says that -- ends the options', async () => {
    const { exitCode, stderr } = await tcw(['run', '--', '--capacity', '4']);
    expect(exitCode).toBe(64);
    expect(stderr).toContain('\n  - command line: --capacity follows --, which ends the options\n');
  });

  it('exits with 73 for a file that is loaded but invalid', async () => {
    const { exitCode, stderr } = await tcw(['run', '--capacity', '0', '--root-url=https://tc.example.com'], {
      environment: {
        TASKCLUSTER_CLIENT_ID: 'c',
        TCW_ACCESS_TOKEN: 'SECRET',
        TCW_WORKER_TYPE: 'w',
        TCW_WORKER_ID: 'i',
      },
    });
    expect(exitCode).toBe(73);
    expect(stderr).toBe(
      'tcw: the configuration has a problem:\n  - flag --capacity: capacity must be a whole number from 1 to 255; it is 0\n',
    );
  });
});

it('tcw run logs the warnings of its configuration', async () => {
  const child = start(['run'], {
    environment: {
      TASKCLUSTER_ROOT_URL: 'http://127.0.0.1:1',
      TASKCLUSTER_CLIENT_ID: 'c',
      TASKCLUSTER_ACCESS_TOKEN: 'SECRET',
      TCW_WORKER_TYPE: 'w',
      TCW_WORKER_ID: 'i',
      TCW_TASKS_DIR: join(folder, 'tasks'),
      TCW_QUEUE_BASE_URL: 'https://queue.example.com',
      TCW_AUTH_BASE_URL: 'https://auth.example.com',
    },
  });
  const closed = once(child, 'close');
  const warnings: unknown[] = [];
  // The worker itself may go on for ever: it is ended as soon as it has said what is looked for.
  if (child.stderr) {
    for await (const line of createInterface(child.stderr)) {
      warnings.push(JSON.parse(line));
      if (warnings.length === 2) break;
    }
  }
  child.kill('SIGKILL');
  await closed;
  expect(warnings).toMatchObject([
    { level: 'warn', property: 'authBaseURL', place: 'variable TCW_AUTH_BASE_URL' },
    { level: 'warn', property: 'queueBaseURL', place: 'variable TCW_QUEUE_BASE_URL' },
  ]);
});

describe('an unexpected error', () => {
  const preload = (code: string) => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];

  it('prints its stack and exits with 69', async () => {
    const { exitCode, stderr } = await tcw(['show-config-schema'], {
      nodeOptions: preload('process.stdout.write = () => { throw new Error("disk on fire") }'),
    });
    expect(exitCode).toBe(69);
    expect(stderr).toMatch(/^tcw: unexpected error: Error: disk on fire\n {4}at /);
  });

  it('does so even if it is thrown where nobody can catch it', async () => {
    const { exitCode, stderr } = await tcw(['--version'], {
      nodeOptions: preload(`
        const timer = setInterval(() => {
          if (process.listenerCount('uncaughtException') === 0) return;
          clearInterval(timer);
          throw new Error('too late');
        }, 10);`),
    });
    expect(exitCode).toBe(69);
    expect(stderr).toMatch(/^tcw: unexpected error: Error: too late\n {4}at /);
  });
});

describe('an outdated Node', () => {
  const pretend = (other: string) => [
    '--import',
    `data:text/javascript,${encodeURIComponent(
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${other}' } })`,
    )}`,
  ];
  const oneLine =
    /^tcw: needs Node\.js >=\d+\.\d+\.\d+, and this is \d+\.\d+\.\d+ \([^\n]+\); install a newer Node\.js\.\n$/;
  const [major = 0, minor = 0, patch = 0] = engines.node.replace('>=', '').split('.').map(Number);

  it.each([
    `${major - 1}.99.99`,
    '9.99.99',
    ...(minor > 0 ? [`${major}.${minor - 1}.99`] : []),
    ...(patch > 0 ? [`${major}.${minor}.${patch - 1}`] : []),
  ])('%s is refused in one line', async other => {
    const { exitCode, stdout, stderr } = await tcw(['--version'], { nodeOptions: pretend(other) });
    expect([exitCode, stdout]).toEqual([69, '']);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(other);
  });

  it.each([`${major}.${minor}.${patch}`, `${major}.${minor}.${patch + 1}`, `${major + 1}.0.0`, '100.0.0'])(
    '%s is new enough',
    async other => {
      expect(await tcw(['--version'], { nodeOptions: pretend(other) })).toMatchObject({
        exitCode: 0,
        stderr: '',
      });
    },
  );

  const old = tooOldNode();
  it.skipIf(old === undefined)('that is really installed is refused, too', async () => {
    const { exitCode, stdout, stderr } = await tcw(['--version'], { node: old });
    expect([exitCode, stdout]).toEqual([69, '']);
    expect(stderr).toMatch(oneLine);
  });

  it.skipIf(old === undefined)('is refused by the shell script that starts it, too', async () => {
    const environment = { PATH: `${dirname(old ?? '')}${delimiter}${process.env.PATH}` };
    const { exitCode, stdout, stderr } = await tcw(['--version'], { environment });
    expect([exitCode, stdout]).toEqual([69, '']);
    expect(stderr).toMatch(oneLine);
  });

  /** A Node of this machine that really is too old, if it has one. */
  function tooOldNode(): string | undefined {
    const candidates = (process.env.PATH ?? '')
      .split(delimiter)
      .filter(path => !path.includes('node_modules'))
      .map(path => join(path, process.platform === 'win32' ? 'node.exe' : 'node'));
    return candidates.find(path => {
      try {
        accessSync(path, constants.X_OK);
        const found = execFileSync(path, ['--version'], { encoding: 'utf8' });
        return Number(/^v(\d+)/.exec(found)?.[1]) < major;
      } catch {
        return false;
      }
    });
  }
});
