import { setTimeout as sleep } from 'node:timers/promises';
import { row, type Row } from '../../report/row.ts';
import { busiestSecond } from '../../setting/busiest-second.ts';
import { startFleet } from '../../setting/fleet.ts';
import { createAtHalfLoad } from '../../setting/half-load.ts';
import type { ObservedCall } from '../../setting/observed-call.ts';
import { startQueue } from '../../setting/queue.ts';
import { taskMsFor, type FleetFigure, type FleetSetting } from '../setting.ts';

const SIZES = { quick: { workers: 30, tasks: 200 }, full: { workers: 1_000, tasks: 600 } } as const;
/** The time for which the fleet is watched before the outage of the broker. */
const ORDINARY_MS = 15_000;
/** The duration of the outage, about that of the restart of a node. */
const AWAY_MS = 5_000;
/** The time after all workers have reconnected. The last of them calls the queue within it. */
const AFTERWARDS_MS = 25_000;

/** The broker restarts while tasks start and end at half load. */
export const restart: FleetFigure = {
  name: 'restart',
  async measure(setting: FleetSetting): Promise<Row[]> {
    const { workers, tasks } = setting.quick ? SIZES.quick : SIZES.full;
    const count = setting.workers ?? workers;
    const { broker, control, say } = setting;
    await using queue = await startQueue(broker.queuePulseUrl);
    say(`restart: ${count} workers`);
    const taskMs = taskMsFor(count);
    const place = { ...setting, queue, pulseUrl: broker.pulseUrl };
    await using fleet = await startFleet(place, { count, taskMs, quiet: true });
    const creating = createAtHalfLoad(queue, fleet, tasks, taskMs);
    creating.catch(() => undefined);
    const beginning = queue.calls('/').length;
    await sleep(ORDINARY_MS);
    const before = queue.calls('/').length;
    say(`restart: the broker goes away for ${AWAY_MS / 1_000} s`);
    await control.stop();
    await fleet.all('deaf');
    await sleep(AWAY_MS);
    await control.start();
    const backMs = performance.now();
    await fleet.all('listening');
    const allMs = performance.now();
    await sleep(AFTERWARDS_MS);
    const calls = queue.calls('/');
    say('restart: waiting for the tasks');
    const taskIds = await creating;
    const ended = await Promise.allSettled(taskIds.map(taskId => queue.moment('completed', taskId)));
    const lost = ended.filter(({ status }) => status === 'rejected').length;
    const title = `${count} workers, the broker restarts at half load`;
    return [
      row(`${title}: it is back → all consume again`, 'ms', allMs - backMs, undefined, { atMost: 60_000 }),
      row(
        `${title}: most requests of workers in a second, beside before`,
        'requests',
        busiestSecond(timesOfWorkers(calls.slice(before))),
        busiestSecond(timesOfWorkers(calls.slice(beginning, before))),
      ),
      row(`${title}: tasks that did not complete, of ${tasks}`, 'tasks', lost, undefined, { atMost: 0 }),
    ];
  },
};

/** Returns the times of the workers' calls, without the calls that create tasks. */
function timesOfWorkers(calls: readonly ObservedCall[]): number[] {
  return calls
    .filter(({ method, path }) => !(method === 'PUT' && /^\/task\/[\w-]{22}$/.test(path)))
    .map(({ startedMs }) => startedMs);
}
