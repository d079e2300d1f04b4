import { setTimeout as sleep } from 'node:timers/promises';
import { startOwnBroker } from '../../test/harness/broker.ts';
import { brokerControl } from '../../test/harness/broker-control.ts';
import { row, rowOf, type Row } from '../report/row.ts';
import { busiestSecond } from '../setting/busiest-second.ts';
import { startFleet, type Fleet } from '../setting/fleet.ts';
import { createAtHalfLoad, waitsOf } from '../setting/half-load.ts';
import { startQueue, taskQueueIdOf, type ObservedQueue } from '../setting/queue.ts';
import type { Setting } from '../setting/setting.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { workers: 30, tasks: 150, taskMs: [800, 1_600] },
  full: { workers: 300, tasks: 3_000, taskMs: [4_000, 8_000] },
} as const;
/** The duration of the broker's outage. */
const AWAY_MS = 5_000;
/** The time after all workers have reconnected. The last of them calls the queue within it. */
const AFTERWARDS_MS = 25_000;

/** Many workers on one broker: the total cost of a task, and the effect of an outage that hits all at once. */
export const fleet: Figure = {
  name: 'fleet',
  async measure(setting): Promise<Row[]> {
    const { workers, tasks, taskMs } = setting.quick ? SIZES.quick : SIZES.full;
    // These workers have their own broker, because it will be stopped.
    const broker = await startOwnBroker();
    try {
      await using queue = await startQueue(broker.queuePulseUrl);
      setting.say(`fleet: ${workers} workers`);
      const place = { ...setting, queue, pulseUrl: broker.pulseUrl };
      await using started = await startFleet(place, { count: workers, taskMs });
      const rows = await halfLoad(setting, queue, started, tasks, taskMs);
      if (broker.control === undefined) return rows;
      return [...rows, ...(await storm(setting, queue, started, brokerControl(broker.control)))];
    } finally {
      await broker.stop();
    }
  },
};

async function halfLoad(
  setting: Setting,
  queue: ObservedQueue,
  started: Fleet,
  tasks: number,
  taskMs: readonly [number, number],
): Promise<Row[]> {
  const { pool, count } = started;
  setting.say(`fleet: ${tasks} tasks at half load`);
  const taskIds = await createAtHalfLoad(queue, started, tasks, taskMs);
  const waits = await waitsOf(queue, taskIds);
  await Promise.all(taskIds.map(taskId => queue.moment('completed', taskId)));
  const claims = queue.calls(`/claim-work/${encodeURIComponent(taskQueueIdOf(pool))}`).length;
  const title = `${count} workers, ${tasks} tasks`;
  return [
    row(`${title}: wake-ups for each task`, 'calls', started.notices / tasks, undefined, { atMost: 1.1 }),
    row(`${title}: claimWork calls for each task`, 'calls', claims / tasks, undefined, { atMost: 1.1 }),
    rowOf(
      'p90',
      { figure: `${title}: createTask answered → claimed, half load`, samples: waits },
      { atMost: 100 },
    ),
  ];
}

async function storm(
  setting: Setting,
  queue: ObservedQueue,
  started: Fleet,
  control: ReturnType<typeof brokerControl>,
): Promise<Row[]> {
  setting.say(`fleet: the broker goes away for ${AWAY_MS / 1000} s`);
  const before = queue.calls('/').length;
  await control.stop();
  await started.all('deaf');
  await sleep(AWAY_MS);
  const startingMs = performance.now();
  await control.start();
  const backMs = performance.now();
  await started.all('listening');
  const allMs = performance.now();
  await sleep(AFTERWARDS_MS);
  const times = queue
    .calls('/')
    .slice(before)
    .map(({ startedMs }) => startedMs);
  setting.say(`fleet: the broker took ${((backMs - startingMs) / 1000).toFixed(1)} s to start`);
  const title = `${started.count} workers lose the broker`;
  return [
    row(`${title}: it is back → all consume again`, 'ms', allMs - backMs, undefined, { atMost: 60_000 }),
    row(`${title}: most requests to the queue in a second`, 'requests', busiestSecond(times), undefined, {
      atMost: 50,
    }),
  ];
}
