import { describe, expect, it, onTestFinished } from 'vitest';
import { Secret } from '../../src/pulse/index.ts';
import type { Credentials, Queue } from '../../src/taskcluster/index.ts';
import { waitFor } from '../wait-for.ts';
import { deployment, sh, type Deployment } from './deployment.ts';

/** A worker whose queue shows the credentials of its runs. */
async function setting(claimTimeoutMs?: number) {
  const here = await deployment(claimTimeoutMs ? { claimTimeoutMs } : {});
  onTestFinished(() => here.close());
  const credentials = new Map<string, () => Credentials>();
  const watch = (queue: Queue): Queue => ({
    ...queue,
    forRun: claim => {
      const calls = queue.forRun(claim);
      credentials.set(claim.taskId, () => calls.credentials);
      return calls;
    },
  });
  const config = {
    capacity: 2,
    pulseUrl: new Secret('amqps://worker:p%40ssword-in-url@localhost'),
    pulsePassword: new Secret('p"ssword-of-pulse'),
    certificate: new Secret('{"version":1,"seed":"x","signature":"signature-of-the-worker="}'),
  };
  await here.startWorker(config, { watch });
  const of = (taskId: string) => {
    const { accessToken, certificate } = credentials.get(taskId)?.() ?? {};
    if (!accessToken || !certificate) throw new Error('no credentials');
    const { signature } = JSON.parse(certificate.reveal()) as { signature: string };
    return { token: accessToken.reveal(), certificate: certificate.reveal(), signature };
  };
  /** Starts a task that runs until the test has ended, and waits until the worker has its credentials. */
  const longRun = async () => {
    const taskId = await here.createTask(sh('sleep 600'));
    await here.running(taskId);
    // The queue reports the task as running before the worker has received the answer to the claim.
    await waitFor(() => of(taskId));
    return taskId;
  };
  return { here, of, longRun };
}

/** The log of a task that prints each of these texts on a separate line. */
async function printed(here: Deployment, texts: readonly string[]): Promise<string> {
  const env = Object.fromEntries(texts.map((text, index) => [`T${index}`, text]));
  const names = Object.keys(env).map(name => `"$${name}"`);
  const taskId = await here.createTask({ ...sh(`printf '<%s>\\n' ${names.join(' ')}`), env });
  expect(await here.resolved(taskId)).toMatchObject({ state: 'completed' });
  return here.log(taskId);
}

const lines = (log: string) => log.split('\n').filter(line => line.startsWith('<'));

describe('the log of a task', () => {
  it('redacts the credentials of other runs of the worker', async () => {
    const { here, of, longRun } = await setting();
    const other = await longRun();
    const { token, certificate, signature } = of(other);
    const log = await printed(here, [token, certificate, JSON.stringify({ certificate }), signature]);
    expect(lines(log)).toEqual([
      '<[redacted]>',
      '<[redacted]>',
      '<{"certificate":"[redacted]"}>',
      '<[redacted]>',
    ]);
    expect(log).not.toContain(signature);
  });

  it('redacts new and replaced credentials of another run after a renewal', async () => {
    const { here, of, longRun } = await setting(4_000);
    const other = await longRun();
    const first = of(other);
    await expect.poll(() => of(other).token).not.toBe(first.token);
    const log = await printed(here, [first.token, of(other).token, of(other).certificate]);
    expect(lines(log)).toEqual(['<[redacted]>', '<[redacted]>', '<[redacted]>']);
  });

  it('redacts the credentials of an earlier run, because the queue still accepts them', async () => {
    const { here, of } = await setting();
    const before = await here.createTask(sh('true'));
    await here.resolved(before);
    expect(lines(await printed(here, [of(before).token, of(before).signature]))).toEqual([
      '<[redacted]>',
      '<[redacted]>',
    ]);
  });

  it('redacts every secret of the configuration in any encoding', async () => {
    const { here } = await setting();
    const log = await printed(here, [
      'amqps://worker:p%40ssword-in-url@localhost',
      'p@ssword-in-url',
      'p"ssword-of-pulse',
      'p%22ssword-of-pulse',
      '"p\\"ssword-of-pulse"',
      'signature-of-the-worker=',
      'guest',
    ]);
    expect(lines(log)).toEqual([
      '<amqps://worker:[redacted]@localhost>',
      '<[redacted]>',
      '<[redacted]>',
      '<[redacted]>',
      '<"[redacted]">',
      '<[redacted]>',
      '<guest>',
    ]);
  });
});
