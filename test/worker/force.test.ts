import { randomUUID } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { describe, it } from 'vitest';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { waitFor } from '../wait-for.ts';
import { deployment, sh } from './deployment.ts';

/** Every process with a word in its command line. */
async function processesWith(word: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
  const lines = await Promise.all(pids.map(pid => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return lines.filter(line => line.includes(word));
}

/** A command that does not end at SIGTERM. */
const stubborn = (mark: string) => sh(`trap '' TERM; while :; do sleep ${mark}; done`);
const newMark = () => `35${randomUUID().replaceAll(/\D/g, '').slice(0, 7)}`;

describe.concurrent('a worker of the library that is forced to shut down', () => {
  it.for<['at once' | 'after a shutdown with finish' | 'after a shutdown with now']>([
    ['at once'],
    ['after a shutdown with finish'],
    ['after a shutdown with now'],
  ])('kills what runs and ends, %s', async ([when], { expect, onTestFinished }) => {
    const here = await deployment();
    onTestFinished(() => here.close());
    // Neither the task nor the worker's grace period would end for ten minutes.
    const worker = await here.startWorker({ capacity: 2, killGraceSecs: 600, shutdownGraceSecs: 0 });
    const mark = newMark();
    const taskId = await here.createTask(stubborn(mark));
    await waitFor(async () => {
      expect(await processesWith(`sleep\0${mark}`)).toHaveLength(1);
    });
    if (when === 'after a shutdown with finish') worker.shutdown('finish');
    if (when === 'after a shutdown with now') worker.shutdown('now');
    worker.shutdown('force');
    expect(await worker.ended).toBe('shutdown');
    await waitFor(async () => {
      expect(await processesWith(`sleep\0${mark}`)).toEqual([]);
    });
    // Everything that can be reported immediately is reported.
    await waitFor(async () => {
      expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
    });
  });

  it('waits neither for the queue nor for a call that may return a claim', async ({
    expect,
    onTestFinished,
  }) => {
    const here = await deployment({ longPollMs: 600_000 }, undefined, 'polling');
    const proxy = await queueFaultProxy(here.rootUrl);
    onTestFinished(async () => {
      await proxy.close();
      await here.close();
    });
    const mark = newMark();
    const worker = await here.startWorker({ rootURL: proxy.rootUrl, capacity: 2, killGraceSecs: 600 });
    await here.createTask(stubborn(mark));
    await waitFor(async () => {
      expect(await processesWith(`sleep\0${mark}`)).toHaveLength(1);
    });
    proxy.fault(undefined, { kind: 'freeze' });
    worker.shutdown('force');
    expect(await worker.ended).toBe('shutdown');
    await waitFor(async () => {
      expect(await processesWith(`sleep\0${mark}`)).toEqual([]);
    });
  });
});
