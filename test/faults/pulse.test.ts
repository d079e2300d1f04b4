import { setTimeout as sleep } from 'node:timers/promises';
import { describe, inject, it } from 'vitest';
import type { CallName } from '../harness/queue-call.ts';
import { queueFaultProxy } from '../harness/queue-fault-proxy.ts';
import { deployment } from '../worker/deployment.ts';
import { proxiedRabbitmq, type ProxiedRabbitmq } from './proxied-rabbitmq.ts';
import { witness } from './witness.ts';
import { runFiles } from '../worker/run-files.ts';

/** The call during which the fault strikes; at none of them, the worker is idle or its task runs. */
const MOMENTS = {
  idle: undefined,
  'the claim': 'claimWork',
  running: undefined,
  'an upload': 'upload',
  'the report': 'reportCompleted',
} as const satisfies Record<string, CallName | undefined>;
type Moment = keyof typeof MOMENTS;

/** Each settles when the network is well again. */
const FAULTS: Record<string, (broker: ProxiedRabbitmq) => Promise<void>> = {
  cut: async ({ proxy }) => {
    proxy.cut();
  },
  'cut in the middle of a frame': async ({ proxy }) => {
    proxy.cutAfter(100);
  },
  frozen: async ({ proxy }) => {
    proxy.freeze();
    await sleep(1_000);
    proxy.thaw();
  },
  'frozen for longer than heartbeats may miss': async ({ proxy }) => {
    proxy.freeze();
    await sleep(5_000);
    proxy.thaw();
  },
  'half open': async ({ proxy }) => {
    proxy.halfOpen();
  },
  'refused, and again': async broker => {
    await broker.lose();
    await sleep(3_500);
    broker.find();
  },
  slow: async ({ proxy }) => {
    proxy.delay(300);
    await sleep(1_500);
    proxy.delay(0);
  },
};

/** A worker behind two proxies, and tasks of which each run says when it begins and ends. */
async function setting() {
  const broker = await proxiedRabbitmq({
    queuePulseUrl: inject('queuePulseUrl'),
    pulseUrl: inject('pulseUrl'),
  });
  const here = await deployment({}, broker);
  const proxy = await queueFaultProxy(here.rootUrl);
  const seen = await witness();
  const worker = await here.startWorker({ rootURL: proxy.rootUrl });
  // A claim that the worker made while Pulse was not up yet could receive the task that a test is about.
  await proxy.answered();
  const create = (script: string) =>
    here.createTask({
      command: [seen.command(script)],
      artifacts: [{ type: 'file', path: 'file', name: 'public/file', optional: true }],
    });
  const close = async () => {
    await here.close();
    await proxy.close();
    await seen.remove();
  };
  return { broker, here, proxy, seen, worker, create, close };
}

const cells = Object.keys(FAULTS).flatMap(fault =>
  (Object.keys(MOMENTS) as Moment[]).map(moment => ({ fault, moment })),
);

describe.concurrent('a connection to Pulse', () => {
  it.for(cells)(
    'that is $fault at $moment costs no run, and later tasks are claimed',
    async ({ fault, moment }, { expect, onTestFinished }) => {
      const { broker, here, proxy, seen, worker, create, close } = await setting();
      onTestFinished(close);
      const strike = () => FAULTS[fault]?.(broker);
      const call = MOMENTS[moment];
      let struck: Promise<void> | undefined;
      if (moment === 'idle') struck = strike();
      const held = call && proxy.fault(call, { kind: 'freeze' }, 1);
      const taskId = await create(moment === 'running' ? 'sleep 1; echo > file' : 'echo > file');
      await held?.first;
      if (moment === 'running') await expect.poll(() => seen.said()).toContain('start 0');
      struck ??= strike();
      await sleep(300);
      held?.lift();

      expect(await here.resolved(taskId)).toMatchObject({ runs: [{ reasonResolved: 'completed' }] });
      expect(await seen.said()).toEqual(['start 0', 'end 0']);
      await struck;
      expect(await here.resolved(await create('true'))).toMatchObject({
        runs: [{ reasonResolved: 'completed' }],
      });
      await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
    },
  );

  it.for(Object.keys(FAULTS))(
    'that is %s while a task is cancelled: the run is stopped within seconds',
    async (fault, { expect, onTestFinished }) => {
      const { broker, here, worker, create, close } = await setting();
      onTestFinished(close);
      const taskId = await create('sleep 600');
      await here.running(taskId);
      const struck = FAULTS[fault]?.(broker);
      await here.cancelTask(taskId);
      await struck;
      const stopped = () =>
        worker.events.flatMap(event =>
          event.type === 'run' && event.state.phase === 'resolved' ? [event.state.stop] : [],
        );
      // Three heartbeats of a second, a new connection, and up to five seconds until the status is asked.
      await expect.poll(stopped).toEqual(['canceled']);
      await expect.poll(() => runFiles(worker.tasksDir)).toEqual([]);
    },
  );
});
