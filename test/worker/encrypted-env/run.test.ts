import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import taskcluster from 'taskcluster-client';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { newOpenpgpKeyPair, readOpenpgpPublicKey, Secret } from '../../../src/base/index.ts';
import { encryptVariables } from '../../../src/worker/index.ts';
import { deployment, sh, type Deployment } from '../deployment.ts';

const VALUE = 'a secret/value?';

let encryptedEnvKeyLocation: string;
let publicKey: string;
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-test-'));
  const pair = await newOpenpgpKeyPair('pool');
  ({ publicKey } = pair);
  encryptedEnvKeyLocation = join(folder, 'key');
  await writeFile(encryptedEnvKeyLocation, pair.privateKey.reveal());
  return () => rm(folder, { recursive: true });
});

async function setting(): Promise<Deployment> {
  const here = await deployment();
  onTestFinished(() => here.close());
  return here;
}

/** Encrypted items for a task that will be created. */
async function encrypted(taskId: string, variables: Readonly<Record<string, string>>): Promise<string[]> {
  const startTime = Date.now() - 1_000;
  const endTime = Date.now() + 3_600_000;
  return encryptVariables(
    publicKey,
    Object.entries(variables).map(([name, value]) => ({
      taskId,
      startTime,
      endTime,
      name,
      value: new Secret(value),
    })),
  );
}

/** Runs a script with encrypted variables to its end. */
async function run(
  here: Deployment,
  variables: Readonly<Record<string, string>>,
  script: string,
  more: object = {},
) {
  const taskId = taskcluster.slugid();
  const encryptedEnv = await encrypted(taskId, variables);
  await here.createTask({ encryptedEnv, ...sh(script), ...more }, {}, taskId);
  const { state } = await here.resolved(taskId);
  return { state, log: await here.log(taskId) };
}

const shown = (log: string) => log.split('\n').filter(line => line.startsWith('<'));

describe('a task with encrypted variables', () => {
  it('gets their values, and its log redacts them in any encoding', async () => {
    const here = await setting();
    await here.startWorker({ encryptedEnvKeyLocation });
    const base64 = Buffer.from(VALUE).toString('base64');
    const script = [
      `[ "$(printf %s "$TOKEN" | cksum)" = "$(printf %s '${base64}' | base64 -d | cksum)" ] && echo '<as it was>'`,
      `echo "<$TOKEN>"`,
      `printf '<%s|' "$TOKEN" | cut -c1-8 | tr -d '\\n'; sleep 1; printf '%s>\\n' "$(printf %s "$TOKEN" | cut -c8-)"`,
      `printf '<%s>\\n' "$(printf %s "$TOKEN" | base64)"`,
      `printf '<%s>\\n' "$(printf 'user:%s!' "$TOKEN" | base64)"`,
      `echo '<${encodeURIComponent(VALUE)}>'`,
      `echo '<${JSON.stringify({ token: VALUE })}>'`,
    ];
    const { state, log } = await run(here, { TOKEN: VALUE }, script.join('\n'));
    expect(state).toBe('completed');
    // The remaining base64 encodes "user:", "!" and the padding.
    expect(shown(log)).toEqual([
      '<as it was>',
      '<[redacted]>',
      '<[redacted]>',
      expect.stringMatching(/^<\[redacted\]={0,2}>$/),
      expect.stringMatching(/^<.{5,8}\[redacted\].{1,4}>$/),
      '<[redacted]>',
      '<{"token":"[redacted]"}>',
    ]);
    for (const spelling of [VALUE, encodeURIComponent(VALUE), base64.slice(0, 18)]) {
      // The command is shown as in the payload, except for secrets.
      expect(log).not.toContain(spelling);
    }
  });

  it('redacts all sensitive parts of a value that is a URL', async () => {
    const here = await setting();
    await here.startWorker({ encryptedEnvKeyLocation });
    const url = 'https://name-of-user:pass-word@host.example/services/T0001/path-of-hook';
    const script = `echo "<$HOOK>"; echo "<$(echo "$HOOK" | cut -d/ -f3 | cut -d@ -f1)>"; echo '<${encodeURIComponent(url)}>'`;
    const { log } = await run(here, { HOOK: url }, script);
    expect(shown(log)).toEqual(['<[redacted]>', '<[redacted]:[redacted]>', '<[redacted]>']);
    expect(log).not.toContain('path-of-hook');
  });

  it('does not change other logs, and the worker’s log contains no value', async () => {
    const here = await setting();
    const worker = await here.startWorker({ encryptedEnvKeyLocation, capacity: 2 });
    const taskId = taskcluster.slugid();
    const encryptedEnv = await encrypted(taskId, { ODD: '[taskcluster', OTHER: 'Task Starting' });
    const file = join(worker.tasksDir, 'go');
    await here.createTask({ encryptedEnv, ...sh(`until [ -e ${file} ]; do sleep 0.1; done`) }, {}, taskId);
    await here.running(taskId);
    const other = await here.createTask(sh('echo "<[taskcluster>"'));
    await here.resolved(other);
    const log = await here.log(other);
    expect(shown(log)).toEqual(['<[taskcluster>']);
    expect(log).toMatch(/^\[taskcluster \S+\] === Task Starting ===$/m);
    expect(log).not.toContain('[redacted]');
    await writeFile(file, '');
    await here.resolved(taskId);
    expect(await here.log(taskId)).toContain('[redacted]');
  });

  it('gets them by the clock of the queue, not by that of its machine', async () => {
    const here = await setting();
    const dayMs = 86_400_000;
    await here.startWorker(
      { encryptedEnvKeyLocation },
      { watch: queue => ({ ...queue, now: () => queue.now() + dayMs }) },
    );
    const { state, log } = await run(here, { A: VALUE }, 'true');
    expect(state).toBe('exception');
    expect(log).toContain('encryptedEnv[0] has an endTime in the past');
  });

  it('is warned about the one with too many lines', async () => {
    const here = await setting();
    await here.startWorker({ encryptedEnvKeyLocation });
    const MANY = Array.from({ length: 600 }, (_, line) => `a line of a secret ${line}`).join('\n');
    const { state, log } = await run(here, { MANY, TOKEN: VALUE }, 'printf "<%s>\n" "$MANY" "$TOKEN"');
    expect(state).toBe('completed');
    expect(log).toMatch(/^\[taskcluster:warn \S+\] The value of MANY has too many lines: /m);
    expect(shown(log)).toEqual(['<[redacted]>', '<[redacted]>']);
    expect(log).not.toContain('a line of a secret');
  });

  it('gets them instead of its plain variables of the same name', async () => {
    const here = await setting();
    await here.startWorker({ encryptedEnvKeyLocation });
    const variables = { HOME: '/none', PLAIN: 'secret' };
    const { log } = await run(here, variables, 'echo "<$HOME $PLAIN $OTHER>"', {
      env: { PLAIN: 'plain', OTHER: 'other' },
    });
    expect(shown(log)).toEqual(['</none secret other>']);
  });

  it('is warned about a value that is too short to be redacted', async () => {
    const here = await setting();
    await here.startWorker({ encryptedEnvKeyLocation });
    const { state, log } = await run(here, { PIN: '1234567', EMPTY: '', LONG: VALUE }, 'echo "<$PIN>"');
    expect(state).toBe('completed');
    expect(log).toMatch(
      /^\[taskcluster:warn \S+\] The value of PIN has fewer than 8 bytes: it is not hidden/m,
    );
    expect(log).not.toMatch(/The value of (EMPTY|LONG)/);
  });

  it('has each line of a key redacted, however it prints it', async () => {
    const here = await setting();
    await here.startWorker({ encryptedEnvKeyLocation });
    const lines = [
      '-----BEGIN KEY-----',
      'MC4CAQAwBQYDK2VwBCIEIJ',
      'N0aGlzIGlzIG5vdCBhIGtl',
      '-----END KEY-----',
    ];
    const script = `echo "$KEY" | sed 's/^/<  /'; echo "$KEY" | tr '\\n' ',' | sed 's/^/</'`;
    const { log } = await run(here, { KEY: `${lines.join('\n')}\n` }, script);
    expect(shown(log)).toHaveLength(6);
    for (const line of lines) expect(log).not.toContain(line);
  });

  it('is refused, runs nothing and reveals nothing if any of them is invalid', async () => {
    const here = await setting();
    const worker = await here.startWorker({ encryptedEnvKeyLocation });
    const taskId = taskcluster.slugid();
    const { encrypt } = await readOpenpgpPublicKey(publicKey);
    const stranger = await newOpenpgpKeyPair('stranger');
    const now = Date.now();
    const message = {
      messageVersion: 1,
      taskId,
      startTime: now - 1,
      endTime: now + 3_600_000,
      name: 'A',
      value: VALUE,
    };
    const item = async (change: object) =>
      Buffer.from(await encrypt(JSON.stringify({ ...message, ...change }))).toString('base64');
    const encryptedEnv = [
      ...(await encrypted(taskId, { GOOD: VALUE })),
      ...(await encrypted(taskcluster.slugid(), { STOLEN: VALUE })),
      ...(await encryptVariables(stranger.publicKey, [{ ...message, value: new Secret(VALUE) }])),
      await item({ endTime: now - 1 }),
      await item({ startTime: now + 3_000_000 }),
      await item({ name: 'TASKCLUSTER_ROOT_URL' }),
      await item({ name: 'RUN_ID' }),
      await item({ messageVersion: 2 }),
      'hello',
    ];
    await here.createTask({ encryptedEnv, ...sh('echo "<$GOOD>"') }, {}, taskId);
    expect(await here.resolved(taskId)).toMatchObject({
      state: 'exception',
      runs: [{ reasonResolved: 'malformed-payload' }],
    });
    const log = await here.log(taskId);
    expect(log.split('\n').filter(line => line.startsWith('[taskcluster:error] encryptedEnv'))).toEqual([
      '[taskcluster:error] encryptedEnv[1] is for another task',
      "[taskcluster:error] encryptedEnv[2] cannot be decrypted with this worker's key",
      '[taskcluster:error] encryptedEnv[3] has an endTime in the past',
      '[taskcluster:error] encryptedEnv[4] has a startTime in the future',
      '[taskcluster:error] encryptedEnv[5] must not set a variable whose name begins with TASKCLUSTER_, which only the worker sets',
      '[taskcluster:error] encryptedEnv[6] must not set RUN_ID, which only the worker sets',
      '[taskcluster:error] encryptedEnv[7] is of a version that is not supported: messageVersion must be 1',
      '[taskcluster:error] encryptedEnv[8] is not base64',
    ]);
    expect(shown(log)).toEqual([]);
    for (const text of [log, JSON.stringify(worker.logged)]) {
      expect(text).not.toContain(VALUE);
      expect(text).not.toContain('STOLEN');
    }
  });

  it('is refused if the pool has no key', async () => {
    const here = await setting();
    await here.startWorker();
    const { state, log } = await run(here, { A: VALUE }, 'true');
    expect(state).toBe('exception');
    expect(log).toMatch(/have no key for encryptedEnv \(encryptedEnvKeyLocation\)/);
    // Without items, no key is needed.
    expect((await run(here, {}, 'true')).state).toBe('completed');
  });

  it.each([[['']], [[1]], ['x'], [Array.from({ length: 129 }, () => 'AAAA')], [['A'.repeat(200_000)]]])(
    'is refused if the value is invalid',
    async encryptedEnv => {
      const here = await setting();
      await here.startWorker({ encryptedEnvKeyLocation });
      const taskId = await here.createTask({ encryptedEnv, ...sh('true') });
      expect(await here.resolved(taskId)).toMatchObject({
        state: 'exception',
        runs: [{ reasonResolved: 'malformed-payload' }],
      });
      expect(await here.log(taskId)).toMatch(/^\[taskcluster:error\] (- )?.*encryptedEnv/m);
    },
  );

  it('causes a warning of the worker if tasks can read the key', async () => {
    const here = await setting();
    const worker = await here.startWorker({ encryptedEnvKeyLocation });
    expect(worker.events).toContainEqual(
      expect.objectContaining({ type: 'tasks-can-read-key', property: 'encryptedEnvKeyLocation' }),
    );
  });
});
