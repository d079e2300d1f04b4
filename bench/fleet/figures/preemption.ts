import { nowMs } from '../../setting/clock.ts';
import { row, type Row } from '../../report/row.ts';
import { busiestSecond } from '../../setting/busiest-second.ts';
import { startFleet } from '../../setting/fleet.ts';
import { startQueue } from '../../setting/queue.ts';
import { busyFront } from '../busy-front.ts';
import { retryAtOnce } from '../retry-at-once.ts';
import type { FleetFigure, FleetSetting } from '../setting.ts';

const SIZES = { quick: { workers: 20 }, full: { workers: 500 } } as const;
/** The time for which the queue refuses calls, from the moment at which all workers are told to stop. */
const REFUSED_MS = 3_000;
const LONG: readonly [number, number] = [3_600_000, 3_600_000];
/** Long enough that the calls at the end of these tasks do not fall into the rush. */
const USUAL: readonly [number, number] = [10_000, 20_000];
/** The number of tasks that are created at a time. */
const AT_A_TIME = 10;

/**
 * Many workers, each with a running task, are told to stop at once while the queue answers 503 for some seconds. The
 * same number of other workers of the pool wait for work.
 */
export const preemption: FleetFigure = {
  name: 'preemption',
  async measure(setting: FleetSetting): Promise<Row[]> {
    const count = setting.workers ?? (setting.quick ? SIZES.quick : SIZES.full).workers;
    const { broker, say } = setting;
    await using queue = await startQueue(broker.queuePulseUrl, { retried: true });
    await using front = await busyFront(queue.rootUrl);
    const place = {
      ...setting,
      queue: { rootUrl: front.rootUrl, worker: queue.worker },
      pulseUrl: broker.pulseUrl,
    };
    say(`preemption: ${count} workers, each with a task`);
    await using going = await startFleet(place, { count, taskMs: LONG, quiet: true });
    const { pool } = going;
    const taskIds: string[] = [];
    while (taskIds.length < count) {
      const batch = Array.from({ length: Math.min(AT_A_TIME, count - taskIds.length) }, () =>
        queue.createTask(pool, ['true']),
      );
      taskIds.push(...(await Promise.all(batch)));
    }
    await Promise.all(taskIds.map(taskId => queue.moment('claimed', taskId)));
    say(`preemption: ${count} others of the pool`);
    await using _staying = await startFleet(place, { count, pool, taskMs: USUAL, quiet: true });

    say(`preemption: all ${count} are told to go, and the queue refuses for ${REFUSED_MS / 1_000} s`);
    const told = nowMs();
    front.refuseFor(REFUSED_MS);
    const gone = going.preempt().then(() => nowMs());
    const ended = await Promise.allSettled(taskIds.map(taskId => queue.moment('completed', taskId)));
    const doneMs = nowMs();
    const goneMs = await gone;
    const lost = ended.filter(({ status }) => status === 'rejected').length;
    const requests = busiestSecond(front.times.filter(time => time >= told));
    say(`preemption: ${count} that retry at once`);
    const baseline = await retryAtOnce(count, REFUSED_MS);
    const title = `${count} workers preempted at once, the queue refusing for ${REFUSED_MS / 1_000} s`;
    return [
      row(
        `${title}: requests in the busiest second, beside workers that retry at once`,
        'requests',
        requests,
        baseline,
        {
          ratioAtLeast: 5,
        },
      ),
      row(`${title}: tasks that did not complete elsewhere`, 'tasks', lost, undefined, { atMost: 0 }),
      row(`${title}: told → the last has gone`, 'ms', goneMs - told, undefined, { atMost: 25_000 }),
      row(`${title}: told → the last task has completed elsewhere`, 'ms', doneMs - told, undefined),
    ];
  },
};
