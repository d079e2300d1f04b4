import { row, rowOf, type Row } from '../../report/row.ts';
import { watchBroker } from '../../setting/broker-usage.ts';
import { startFleet } from '../../setting/fleet.ts';
import { createAtHalfLoad, waitsOf } from '../../setting/half-load.ts';
import { startQueue, taskQueueIdOf } from '../../setting/queue.ts';
import { taskMsFor, type FleetFigure, type FleetSetting } from '../setting.ts';

const SIZES = {
  quick: { workers: 30, tasks: 50, watch: { settleMs: 5_000, watchMs: 5_000 } },
  full: { workers: 2_000, tasks: 1_000, watch: { settleMs: 20_000, watchMs: 60_000 } },
} as const;

/** The cost of idle workers for the broker, and the total cost of a task for all workers. */
export const load: FleetFigure = {
  name: 'load',
  async measure(setting: FleetSetting): Promise<Row[]> {
    const { workers, tasks, watch } = setting.quick ? SIZES.quick : SIZES.full;
    const count = setting.workers ?? workers;
    const { broker, control, say } = setting;
    await using queue = await startQueue(broker.queuePulseUrl);
    const alone = await watchBroker(control.usage, watch);
    const connectionsBefore = (await control.connections()).length;
    say(`load: ${count} workers`);
    const startingMs = performance.now();
    const taskMs = taskMsFor(count);
    await using fleet = await startFleet({ ...setting, queue, pulseUrl: broker.pulseUrl }, { count, taskMs });
    say(`load: they listen after ${((performance.now() - startingMs) / 1_000).toFixed(1)} s`);
    const crowded = await watchBroker(control.usage, watch);
    const connections = (await control.connections()).length - connectionsBefore;
    say(`load: ${tasks} tasks at half load`);
    const noticesBefore = fleet.notices;
    const claimCalls = () =>
      queue.calls(`/claim-work/${encodeURIComponent(taskQueueIdOf(fleet.pool))}`).length;
    // A worker may have polled until its connection was established.
    const claimsBefore = claimCalls();
    const taskIds = await createAtHalfLoad(queue, fleet, tasks, taskMs);
    const waits = await waitsOf(queue, taskIds);
    const claims = claimCalls() - claimsBefore;
    const title = `${count} workers`;
    const waited = { figure: `${title}, half load: createTask answered → claimed`, samples: waits };
    return [
      row(`${title}: connections to the broker`, 'connections', connections, undefined, { atMost: count }),
      row(
        `${title}: memory of the broker for each`,
        'MB',
        (crowded.memoryMb - alone.memoryMb) / count,
        undefined,
      ),
      row(`${title}: memory of the broker`, 'MB', crowded.memoryMb, undefined),
      row(
        `${title}: CPU of the broker for each, in an idle minute`,
        'ms',
        (crowded.cpuMsAMinute - alone.cpuMsAMinute) / count,
        undefined,
      ),
      row(`${title}: wake-ups for each task`, 'calls', (fleet.notices - noticesBefore) / tasks, undefined, {
        atMost: 1.1,
      }),
      row(`${title}: claimWork calls for each task`, 'calls', claims / tasks, undefined, { atMost: 1.1 }),
      rowOf('median', waited),
      rowOf('p90', waited, { atMost: 100 }),
    ];
  },
};
