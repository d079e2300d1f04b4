// An hour of a worker without tasks, on a simulated clock, so that it passes at once. Reports to the parent how many
// requests the worker made to the queue.
import { setImmediate as turn } from 'node:timers/promises';
import { mock } from 'node:test';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { connect, Secret } from '../../src/pulse/index.ts';
import { MemoryBroker, memoryTransport } from '../../src/pulse/testing.ts';
import type { Queue } from '../../src/taskcluster/index.ts';
import { payloadsOf } from '../../src/worker/payloads/index.ts';
import { enginesOf } from '../../src/worker/engines/engines.ts';
import { configDefaults, FEATURES, startWorker, type WorkerOptions } from '../../src/worker/index.ts';
import { baselineWorker } from '../baseline.ts';
import { simulatedEngine } from './simulated-engine.ts';
import type { Contender } from './workers.ts';

const HOUR_S = 3_600;
/** The time for which the queue holds a claimWork call without tasks. */
const LONG_POLL_MS = 20_000;

const START: Readonly<Record<Contender, (parts: WorkerOptions) => Promise<unknown>>> = {
  tcw: listeningWorker,
  baseline: async options =>
    baselineWorker({
      ...options,
      engines: enginesOf([simulatedEngine(() => 0)]),
      queue: options.queue!,
      features: [],
      payloads: payloadsOf(['generic-worker'], FEATURES),
    }),
};

async function requestsInAnHour(kind: Contender): Promise<number> {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.now() });
  let requests = 0;
  void START[kind]({
    config: {
      ...configDefaults(),
      provisionerId: 'bench',
      workerType: 'idle',
      workerGroup: 'bench',
      workerId: 'idle',
      accessToken: new Secret('nobody-asks-for-it'),
      rootURL: 'https://localhost',
      clientId: 'bench',
    },
    queue: emptyQueue(() => requests++),
    engines: [simulatedEngine(() => 0)],
    version: 'benchmark',
  });
  for (let second = 0; second < HOUR_S; second++) {
    mock.timers.tick(1_000);
    // Code that waits for promises and for the broker continues between two simulated seconds.
    for (let round = 0; round < 3; round++) await turn();
  }
  return requests;
}

async function listeningWorker(options: WorkerOptions): Promise<void> {
  const transport = memoryTransport(new MemoryBroker());
  const owner = connect({ transport, user: 'taskcluster-queue' });
  for (const { exchange } of Object.values(queueExchanges)) await owner.declareExchange(exchange);
  startWorker({ ...options, pulse: connect({ transport, user: 'workers' }) }).done.catch(console.error);
}

/** A queue without tasks that answers as Taskcluster's does. */
function emptyQueue(onRequest: () => void): Queue {
  const counted =
    <A extends unknown[], T>(answer: (...args: A) => Promise<T>) =>
    (...args: A) => {
      onRequest();
      return answer(...args);
    };
  return {
    claimWork: counted(() => new Promise(resolve => setTimeout(resolve, LONG_POLL_MS, []))),
    pendingTasks: counted(async () => 0),
    status: counted(async () => undefined),
    quarantinedUntil: counted(async () => 0),
    now: Date.now,
    forRun: () => {
      throw new Error('there are no runs');
    },
    service: () => {
      throw new Error('no other call is made');
    },
  };
}

const kind = process.argv[2] === 'baseline' ? 'baseline' : 'tcw';
process.send?.({ requests: await requestsInAnHour(kind) }, () => process.exit());
