import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine } from '../../src/worker/index.ts';
import { deployment, sh, type Deployment, type RunningWorker } from './deployment.ts';

interface Ending {
  readonly how: string;
  readonly payload: object;
  readonly stop?: (here: Deployment, worker: RunningWorker, taskId: string) => unknown;
}

const ENDINGS: Ending[] = [
  { how: 'that completes', payload: sh('true') },
  { how: 'whose feature is refused', payload: { ...sh('true'), mounts: [{}] } },
  { how: 'whose maxRunTime is too long', payload: { ...sh('true'), maxRunTime: 100_000 } },
  {
    how: 'whose artifact has an impossible name',
    payload: { ...sh('true'), artifacts: [{ type: 'file', path: 'ä' }] },
  },
  { how: 'that is malformed', payload: { command: 'true' } },
  {
    how: 'that is cancelled while it is prepared',
    payload: sh('true'),
    stop: (here, _worker, taskId) => here.cancelTask(taskId),
  },
  {
    how: 'that is stopped while it is prepared',
    payload: sh('true'),
    stop: (_here, worker) => {
      worker.shutdown('now');
    },
  },
];

/** Runs a task that ends in one of these ways. Returns the names of its artifacts. */
async function artifactsOf({ payload, stop }: Ending, more: object): Promise<string[]> {
  const here = await deployment();
  onTestFinished(() => here.close());
  let taskId = '';
  const wrap = (engine: Engine): Engine => ({
    ...engine,
    open: async options => {
      const sandbox = await engine.open(options);
      if (!stop) return sandbox;
      await stop(here, worker, taskId);
      await expect.poll(() => isStopped(worker)).toBe(true);
      return sandbox;
    },
  });
  const worker = await here.startWorker({}, { wrap });
  taskId = await here.createTask({ ...payload, ...more });
  await expect.poll(() => isOver(worker)).toBe(true);
  return (await here.artifacts(taskId)).map(({ name }) => name).sort();
}

const isStopped = ({ events }: RunningWorker) =>
  events.some(item => item.type === 'run' && item.state.stop !== undefined);
const isOver = ({ events }: RunningWorker) =>
  events.some(item => item.type === 'run' && item.state.phase === 'resolved');

describe.each(ENDINGS)('the log of a run $how', ending => {
  it('is uploaded under the names that its payload gives', async () => {
    const logs = { backing: 'private/x.log', live: 'private/y.log' };
    expect(await artifactsOf(ending, { logs })).toEqual(['private/x.log', 'private/y.log']);
  });

  it('is not uploaded if the payload disables it', async () => {
    expect(await artifactsOf(ending, { features: { backingLog: false } })).toEqual([]);
  });

  it('has no link if the payload disables it', async () => {
    expect(await artifactsOf(ending, { features: { liveLog: false } })).toEqual([
      'public/logs/live_backing.log',
    ]);
  });
});
