import { row, rowOf, type Row } from '../../report/row.ts';
import { startFleet } from '../../setting/fleet.ts';
import { createAtHalfLoad, waitsOf } from '../../setting/half-load.ts';
import { startQueue } from '../../setting/queue.ts';
import { taskMsFor, type FleetFigure, type FleetSetting } from '../setting.ts';
import { startSiteBroker } from '../site-broker.ts';

const SIZES = { quick: { workers: 30, tasks: 50 }, full: { workers: 2_000, tasks: 500 } } as const;

/** The workers of a site listen to the site's own broker, which RabbitMQ's shovel feeds. */
export const site: FleetFigure = {
  name: 'site',
  async measure(setting: FleetSetting): Promise<Row[]> {
    const { workers, tasks } = setting.quick ? SIZES.quick : SIZES.full;
    const count = setting.workers ?? workers;
    const { broker, control, say } = setting;
    await using queue = await startQueue(broker.queuePulseUrl);
    say('site: starting its broker');
    await using own = await startSiteBroker(broker);
    const before = (await control.connections()).length;
    say(`site: ${count} workers`);
    const taskMs = taskMsFor(count);
    await using fleet = await startFleet({ ...setting, queue, pulseUrl: own.pulseUrl }, { count, taskMs });
    const more = (await control.connections()).length - before;
    say(`site: ${tasks} tasks at half load`);
    const taskIds = await createAtHalfLoad(queue, fleet, tasks, taskMs);
    const waits = await waitsOf(queue, taskIds);
    const title = `${count} workers on a site's broker`;
    const waited = { figure: `${title}, half load: createTask answered → claimed`, samples: waits };
    return [
      row(`${title}: connections that the workers add to the other broker`, 'connections', more, undefined, {
        atMost: 0,
      }),
      row(`${title}: notices for each task`, 'calls', fleet.notices / tasks, undefined, { atMost: 1.1 }),
      rowOf('median', waited),
      rowOf('p90', waited, { atMost: 100 }),
    ];
  },
};
