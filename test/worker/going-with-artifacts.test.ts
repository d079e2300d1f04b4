import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { WorkerConfig } from '../../src/worker/index.ts';
import { PATIENCE_MS } from '../patience.ts';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';

const LOG = 'public/logs/live_backing.log';
const LINK = 'public/logs/live.log';
const FILES = ['first', 'second', 'third', 'fourth', 'fifth', 'sixth'];
/** The number of parallel uploads. */
const AT_ONCE = 4;
/** The files are too large to be uploaded from memory. */
const MAKE_FILES = `for name in ${FILES.join(' ')}; do head -c 100000 /dev/urandom > $name; done`;
const PAYLOAD = {
  ...sh(`${MAKE_FILES}; touch made; sleep 600`),
  artifacts: [...FILES, 'missing'].map(path => ({ type: 'file', path, name: `public/${path}` })),
};

/** A worker behind a proxy. Its task has made its files and is still running. */
async function working(config?: Partial<WorkerConfig>, payload: object = PAYLOAD) {
  const here = await deployment();
  const proxy = await queueFaultProxy(here.rootUrl);
  onTestFinished(async () => {
    await here.close();
    await proxy.close();
  });
  const worker = await here.startWorker({ rootURL: proxy.rootUrl, ...config });
  const taskId = await here.createTask(payload);
  await expect
    .poll(() => existsSync(`${worker.tasksDir}/task_${taskId}_0/made`), { timeout: PATIENCE_MS })
    .toBe(true);
  return { here, proxy, worker, taskId };
}

const uploaded = ({ events }: RunningWorker) =>
  events.flatMap(item => (item.type === 'uploaded' ? [item.name] : []));
const names = async (here: Deployment, taskId: string) =>
  (await here.artifacts(taskId)).map(({ name }) => name).sort();
const publicNames = (files: readonly string[]) => files.map(file => `public/${file}`);

describe('a worker that shuts down while commands run', () => {
  it('uploads the log, then the artifacts that exist, then the complete log', async () => {
    const { here, worker, taskId } = await working();
    worker.shutdown('now');
    expect(await worker.ended).toBe('shutdown');
    const order = uploaded(worker);
    expect([order[0], order.at(-1)]).toEqual([LOG, LOG]);
    expect(order.slice(1, -1).sort()).toEqual(publicNames(FILES).sort());
    // A file that the task had no time to make does not count as an error of the task.
    expect(await names(here, taskId)).toEqual([...publicNames(FILES), LINK, LOG].sort());
    const log = await here.log(taskId);
    expect(log).toContain('Uploading artifact public/sixth from file ');
    expect(log).toContain('Not uploading artifact public/missing');
    expect(log.trimEnd().split('\n').at(-1)).toContain('graceful termination requested');
  });

  it('reports the run first', async () => {
    const { here, proxy, worker, taskId } = await working();
    const before = proxy.calls.length;
    worker.shutdown('now');
    await worker.ended;
    const calls = proxy.calls.slice(before);
    expect(calls.indexOf('reportException')).toBeLessThan(calls.indexOf('createArtifact'));
    expect((await here.status(taskId)).runs[0]).toMatchObject({ reasonResolved: 'worker-shutdown' });
  });

  it('signs no chain of trust, because this run is incomplete and the task runs again', async () => {
    const { here, worker, taskId } = await working(
      {},
      { ...PAYLOAD, artifacts: PAYLOAD.artifacts.slice(0, 1) },
    );
    worker.shutdown('now');
    await worker.ended;
    expect(await names(here, taskId)).toEqual(['public/first', LINK, LOG]);
  });

  it('abandons uploads that a slow store does not accept in time, but reports the run and uploads the log', async () => {
    const { here, proxy, worker, taskId } = await working({ shutdownGraceSecs: 6 });
    const stuck = proxy.fault('upload', { kind: 'freeze' });
    const passing = proxy.fault('upload', { kind: 'delay', ms: 0 }, 1 + AT_ONCE);
    worker.shutdown('now');
    await expect
      .poll(async () => (await here.status(taskId)).runs[0]?.reasonResolved, { timeout: PATIENCE_MS })
      .toBe('worker-shutdown');
    await stuck.first;
    // The log and the artifacts that are uploaded in parallel. The other uploads never end.
    expect(passing.met).toBe(1 + AT_ONCE);
    await expect
      .poll(() => uploaded(worker).sort(), { timeout: PATIENCE_MS })
      .toEqual([...publicNames(FILES.slice(0, AT_ONCE)), LOG].sort());
    const partial = await here.log(taskId);
    expect(partial).toContain('Aborting task');
    expect(await worker.ended).toBe('shutdown');
    expect(existsSync(`${worker.tasksDir}/task_${taskId}_0`)).toBe(false);
  });

  it('logs which artifacts it abandoned', async () => {
    const { here, proxy, worker, taskId } = await working({ shutdownGraceSecs: 6 });
    const stuck = proxy.fault('upload', { kind: 'freeze' });
    proxy.fault('upload', { kind: 'delay', ms: 0 }, 1 + AT_ONCE);
    worker.shutdown('now');
    await stuck.first;
    // The last upload is the complete log. It hangs, too.
    await expect
      .poll(() => proxy.calls.filter(call => call === 'upload').length, { timeout: PATIENCE_MS })
      .toBe(2 + FILES.length);
    stuck.lift();
    await worker.ended;
    expect(await here.log(taskId)).toMatch(
      /Not uploading artifact public\/sixth: the worker is shutting down/,
    );
  });
});
