import { execa } from 'execa';
import { createPublicKey, verify } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readEd25519Key, readOpenpgpPrivateKey, Secret } from '../../src/base/index.ts';
import { readTime } from '../../src/cli/keys/time.ts';
import { decryptVariables } from '../../src/worker/features/encrypted-env/variables.ts';
import { gnupg } from '../harness/gnupg.ts';
import { newWorkplace } from './dev-session.ts';
import { workerFailure } from '../../src/cli/run/worker-failure.ts';
import type { Capability } from '../../src/worker/engines/engine.ts';
import { chainOfTrust } from '../../src/worker/features/chain-of-trust/chain-of-trust.ts';
import { openFeatures } from '../../src/worker/features/open-features.ts';
import { StartError } from '../../src/worker/start-error.ts';
import { featureHost } from '../worker/unit/feature-host.ts';
import { workerConfig } from '../worker/unit/worker-config.ts';
import { bin, cleanEnvironment, start, tcw } from './tcw.ts';

const TASK_ID = 'fN1SbArXTPSVFNUvaOlinQ';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  return () => rm(folder, { recursive: true });
});

describe('tcw new-ed25519-keypair', () => {
  it('writes the private key for its owner only, and prints the public key', async () => {
    const file = join(folder, 'ed25519');
    const { exitCode, stdout, stderr } = await tcw(['new-ed25519-keypair', '--file', file]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const key = readEd25519Key(new Secret(await readFile(file, 'utf8')));
    expect(stdout).toBe(`${key.publicKey}\n`);
  });

  it('overwrites nothing, and follows no link', async () => {
    const file = join(folder, 'precious');
    const link = join(folder, 'link');
    await writeFile(file, 'precious');
    await symlink(join(folder, 'nowhere'), link);
    for (const place of [file, link]) {
      const { exitCode, stdout, stderr } = await tcw(['new-ed25519-keypair', '--file', place]);
      expect({ exitCode, stdout }).toEqual({ exitCode: 75, stdout: '' });
      expect(stderr).toBe(
        `tcw: ${place} exists, and a key that is overwritten is lost: choose another file, or remove it first\n`,
      );
    }
    expect(await readFile(file, 'utf8')).toBe('precious');
    expect(await readdir(folder)).not.toContain('nowhere');
  });

  it('reports why it cannot write', async () => {
    const { exitCode, stderr } = await tcw(['new-ed25519-keypair', '--file', join(folder, 'no', 'key')]);
    expect(exitCode).toBe(75);
    expect(stderr).toMatch(/^tcw: .*\/no\/key cannot be written: ENOENT.*\n$/);
  });

  it.each([
    [['new-ed25519-keypair'], /--file/],
    [['new-openpgp-keypair'], /--file/],
  ])('reports what is missing: %j', async (words, problem) => {
    const { exitCode, stderr } = await tcw(words);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(problem);
  });
});

describe('tcw new-openpgp-keypair', () => {
  it('writes a private key that GnuPG and a worker can read, and prints the public key', async () => {
    const file = join(folder, 'openpgp');
    const made = await tcw(['new-openpgp-keypair', '--file', file, '--name', 'pool of ünits']);
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const { publicKey } = await readOpenpgpPrivateKey(new Secret(await readFile(file, 'utf8')));
    expect(publicKey.trim()).toBe(made.stdout.trim());
    const gpg = await gnupg();
    try {
      await gpg.import(await readFile(file, 'utf8'));
      const { stdout } = await gpg.run(['--with-colons', '--list-secret-keys']);
      expect(stdout.toString()).toContain('pool of ünits');
      const encrypted = await gpg.run(['-e', '-r', 'pool of ünits'], 'text');
      expect((await gpg.run(['-d'], encrypted.stdout)).stdout.toString()).toBe('text');
    } finally {
      await gpg.close();
    }
  });

  it('overwrites nothing', async () => {
    await mkdir(join(folder, 'a-folder'));
    const { exitCode } = await tcw(['new-openpgp-keypair', '--file', join(folder, 'a-folder')]);
    expect(exitCode).toBe(75);
  });
});

describe('tcw encrypt-env', () => {
  let publicKey: string;
  let privateKey: Secret;
  beforeAll(async () => {
    const file = join(folder, 'pool');
    const { stdout } = await tcw(['new-openpgp-keypair', '--file', file]);
    publicKey = join(folder, 'pool.pub');
    await writeFile(publicKey, stdout);
    privateKey = new Secret(await readFile(file, 'utf8'));
  });
  const encrypt = (words: readonly string[], options = {}) =>
    tcw(['encrypt-env', '--public-key', publicKey, '--task-id', TASK_ID, ...words], options);
  const decrypted = async (json: string, nowMs = Date.now()) => {
    const key = await readOpenpgpPrivateKey(privateKey);
    const values = await decryptVariables(JSON.parse(json) as string[], key, { taskId: TASK_ID, nowMs });
    return Object.fromEntries([...values].map(([name, value]) => [name, value.reveal()]));
  };

  it('reads values from the environment, from files and from arguments', async () => {
    const file = join(folder, 'value');
    await writeFile(file, 'from a file\n');
    const { exitCode, stdout, stderr } = await encrypt(['HERE', `FILE=@${file}`, 'WORD=a=b', 'EMPTY='], {
      environment: { HERE: '@from the environment' },
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await decrypted(stdout)).toEqual({
      HERE: '@from the environment',
      FILE: 'from a file\n',
      WORD: 'a=b',
      EMPTY: '',
    });
  });

  it('takes one value from standard input', async () => {
    const { stdout } = await encrypt(['KEY=@-'], { input: 'from ünput' });
    expect(await decrypted(stdout)).toEqual({ KEY: 'from ünput' });
  });

  it('creates items that a worker accepts from now on, for five days', async () => {
    const { stdout } = await encrypt(['A=x']);
    const hours = (count: number) => Date.now() + count * 3_600_000;
    expect(await decrypted(stdout, hours(-0.05))).toEqual({ A: 'x' });
    expect(await decrypted(stdout, hours(119.9))).toEqual({ A: 'x' });
    await expect(decrypted(stdout, hours(-0.2))).rejects.toThrow(/startTime in the future/);
    await expect(decrypted(stdout, hours(121))).rejects.toThrow(/endTime in the past/);
  });

  it('creates items for another period if it is given', async () => {
    const { stdout } = await encrypt([
      'A=x',
      '--start',
      '2030-01-01T00:00:00Z',
      '--end',
      '2030-01-02T00:00:00+01:00',
    ]);
    expect(await decrypted(stdout, Date.parse('2030-01-01T23:00:00Z'))).toEqual({ A: 'x' });
    await expect(decrypted(stdout, Date.parse('2030-01-01T23:00:01Z'))).rejects.toThrow(/endTime/);
    await expect(decrypted(stdout, Date.parse('2029-12-31T23:59:59Z'))).rejects.toThrow(/startTime/);
  });

  it.each([
    ['no variable', [], /variable/],
    [
      'a name that is not in the environment',
      ['NOWHERE'],
      /NOWHERE is not in the environment: set it, or use/,
    ],
    ['a reserved name', ['TASK_ID=x'], /an encrypted variable must not set TASK_ID/],
    ['no name', ['=secret'], /a variable without a name/],
    ['an empty word', [''], /a variable without a name/],
    ['one twice', ['A=secret', 'A=secret2'], /A is given twice/],
    ['no file', ['A=@/nowhere'], /A: \/nowhere cannot be read: ENOENT/],
    ['standard input twice', ['A=@-', 'B=@-'], /only one variable can have/],
    ['an end that is past', ['A=secret', '--end', '2020-01-01T00:00:00Z'], /--end must be/],
    [
      'an end before its start',
      ['A=secret', '--start', '2d', '--end', '1d'],
      /--end must be later than --start/,
    ],
    ['a time without a zone', ['A=secret', '--end', '2030-01-01T00:00:00'], /--end must be a time like/],
  ])('refuses %s in one line, without quoting values', async (_, words, problem) => {
    const { exitCode, stdout, stderr } = await encrypt(words);
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' });
    expect(stderr).toMatch(problem);
    expect(stderr).toMatch(/^tcw: [^\n]*\n$/);
    expect(stderr).not.toContain('secret');
  });

  it('refuses a value that is not valid UTF-8', async () => {
    const file = join(folder, 'bytes');
    await writeFile(file, Uint8Array.of(0xff));
    expect((await encrypt([`A=@${file}`])).stderr).toMatch(/is not UTF-8/);
    await writeFile(file, 'a\0b');
    expect((await encrypt([`A=@${file}`])).stderr).toMatch(/must have a value without NUL/);
  });

  it.each([
    ['no key', 'hello', /^tcw: the public key file holds no ASCII-armoured public OpenPGP key/],
    [
      'the private key',
      undefined,
      /^tcw: the public key file holds a private OpenPGP key: give the public one/,
    ],
  ])('refuses %s', async (_, content, problem) => {
    const file = join(folder, 'wrong-key');
    await writeFile(file, content ?? privateKey.reveal());
    const { exitCode, stderr } = await tcw([
      'encrypt-env',
      '--public-key',
      file,
      '--task-id',
      TASK_ID,
      'A=x',
    ]);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(problem);
  });

  it('refuses an invalid task id', async () => {
    const { exitCode, stderr } = await tcw([
      'encrypt-env',
      '--public-key',
      publicKey,
      '--task-id',
      'x',
      'A=x',
    ]);
    expect(exitCode).toBe(64);
    expect(stderr).toMatch(/--task-id "x" is not a task ID/);
  });

  it('says in its help which form is visible to others', async () => {
    const { stdout } = await tcw(['encrypt-env', '--help']);
    expect(stdout).toMatch(/NAME +the value is in the environment[^]*NAME=@file[^]*NAME=value +other users/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });
});

it('a full disk is reported, and leaves no partial key', async () => {
  const { exitCode, stderr } = await execa(
    'sh',
    ['-c', `${bin} new-ed25519-keypair --file "$0" > /dev/full`, join(folder, 'full')],
    {
      env: cleanEnvironment(),
      extendEnv: false,
      reject: false,
    },
  );
  expect(exitCode).toBe(69);
  expect(stderr).toMatch(/^tcw: could not write the public key: ENOSPC/);
});

describe('a time argument', () => {
  const now = Date.parse('2030-01-01T00:00:00Z');

  it.each([
    ['30s', 30_000],
    ['30m', 1_800_000],
    ['12h', 43_200_000],
    ['5d', 432_000_000],
    ['2030-01-01T00:01Z', 60_000],
    ['2030-01-01T01:00:00.5+01:00', 500],
  ])('may be %s', (text, afterMs) => {
    expect(readTime('--end', text, now) - now).toBe(afterMs);
  });

  it.each([
    '',
    '5',
    'd',
    '-1d',
    '1 d',
    '5y',
    '2030',
    '2030-01-01',
    '2030-13-01T00:00:00Z',
    'tomorrow',
    '9'.repeat(20) + 'd',
  ])('may not be %j', text => {
    expect(() => readTime('--end', text, now)).toThrow(/^--end must be a time like/);
  });
});

describe('a worker', () => {
  const identity = [
    '--root-url',
    'http://127.0.0.1:9',
    '--client-id',
    'c',
    '--worker-type',
    'w',
    '--worker-id',
    'w',
  ];
  const run = (...words: string[]) =>
    tcw(['run', ...identity, '--tasks-dir', join(folder, 'tasks'), ...words], {
      environment: { TASKCLUSTER_ACCESS_TOKEN: 'x' },
    });

  it.each([
    ['ed25519SigningKeyLocation', 'missing', /missing cannot be read: ENOENT/],
    ['ed25519SigningKeyLocation', 'wrong', /wrong holds no .*key/i],
    ['signingKeyLocation', 'wrong', /wrong holds no .*key/i],
  ])(
    'does not start without its signing key if tasks run as another user, and exits like generic-worker: %s, %s',
    async (property, name, problem) => {
      await writeFile(join(folder, 'wrong'), 'precious-text');
      const host = featureHost({ [property]: join(folder, name) });
      const engines = host.engines.map(each => ({
        ...each,
        capabilities: new Set<Capability>(['host-files']),
      }));
      const cause: unknown = await openFeatures([chainOfTrust()], { ...host, engines }).catch(
        (error: unknown) => error,
      );
      const { message } = cause as Error;
      const failure = workerFailure(workerConfig({}), new StartError(message, { cause }));
      expect(failure).toMatchObject({ exitCode: 82, message: expect.stringMatching(problem) as string });
      expect(message).toMatch(new RegExp(`^chainOfTrust: ${property}: `));
      expect(message).not.toContain('precious-text');
    },
  );

  it('starts without it if no task could request a signature, and warns once', async () => {
    const missing = join(folder, 'missing');
    const words = ['run', ...identity, '--tasks-dir', join(folder, 'tasks-of-native')];
    const worker = start([...words, '--ed25519-signing-key-location', missing], {
      environment: { TASKCLUSTER_ACCESS_TOKEN: 'x' },
    });
    let stderr = '';
    worker.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (stderr.includes('missing cannot be read: ENOENT')) worker.kill('SIGTERM');
    });
    const exitCode = await new Promise(resolve => worker.on('close', resolve));
    expect(exitCode).not.toBe(82);
    const warnings = stderr.split('\n').filter(line => line.includes(missing));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/"level":"warn".*ed25519SigningKeyLocation: .*none gets a chain of trust/);
  });

  it('does not start with an invalid key file, and does not print its content', async () => {
    const file = join(folder, 'wrong');
    await writeFile(file, 'precious-text');
    const { exitCode, stderr } = await run('--encrypted-env-key-location', file);
    expect(exitCode).toBe(73);
    expect(stderr).toMatch(new RegExp(`KeyLocation: ${file} holds no .*key`, 'i'));
    expect(stderr).not.toContain('precious-text');
  });
});

describe('tcw dev', () => {
  it('signs the chain of trust with a temporary key, and decrypts variables with a given key', async () => {
    await using workplace = newWorkplace();
    const privateKey = join(workplace.folder, 'pool');
    const { stdout: publicKey } = await tcw(['new-openpgp-keypair', '--file', privateKey]);
    const publicFile = workplace.write('pool.pub', publicKey);
    const session = await workplace.dev('--encrypted-env-key-location', privateKey);
    const encrypted = await tcw(['encrypt-env', '--public-key', publicFile, '--task-id', TASK_ID, 'TOKEN'], {
      environment: { TOKEN: 'a-secret-of-the-task' },
    });
    const payload = {
      command: [['sh', '-c', 'echo "<$TOKEN>"; printf %s "$TOKEN" | wc -c; echo x > a.txt']],
      maxRunTime: 60,
      features: { chainOfTrust: true },
      encryptedEnv: JSON.parse(encrypted.stdout) as string[],
      artifacts: [{ type: 'file', path: 'a.txt', name: 'public/a.txt' }],
    };
    const task = workplace.write('task.json', { taskId: TASK_ID, payload });
    const { stderr, exitCode, stdout } = await workplace.tcw(
      'dev',
      '--once',
      '--encrypted-env-key-location',
      privateKey,
      task,
    );
    expect({ stderr, exitCode }).toMatchObject({ exitCode: 0 });
    expect(stdout).toMatch(/<\[redacted\]>\n.*\b20\n/);

    const plain = await session.create({ ...payload, encryptedEnv: [] });
    const { resolution, log } = await session.resolved(plain);
    expect(resolution).toBe('completed');
    const [, key = ''] = /The ed25519 public key is (\S+)/.exec(log) ?? [];
    const document = await session.artifact(plain, 'public/chain-of-trust.json');
    const signature = await fetch(
      `${session.rootUrl}/api/queue/v1/task/${plain}/artifacts/public/chain-of-trust.json.sig`,
    );
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(key, 'base64')]);
    const verified = verify(
      undefined,
      Buffer.from(document),
      createPublicKey({ key: der, format: 'der', type: 'spki' }),
      Buffer.from(await signature.arrayBuffer()),
    );
    expect(verified).toBe(true);
    expect(JSON.parse(document)).toMatchObject({ taskId: plain, artifacts: { 'public/a.txt': {} } });
  });
});
