import { startOwnBroker } from '../../test/harness/broker.ts';
import { brokerControl } from '../../test/harness/broker-control.ts';
import { row, type Row } from '../report/row.ts';
import { watchBroker } from '../setting/broker-usage.ts';
import { startFleet } from '../setting/fleet.ts';
import { startQueue } from '../setting/queue.ts';
import type { Setting } from '../setting/setting.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { workers: [30], settleMs: 5_000, watchMs: 5_000 },
  full: { workers: [300, 1_000], settleMs: 30_000, watchMs: 60_000 },
};

/** The cost of idle workers for the broker. Each worker has one connection, two queues and two consumers. */
export const broker: Figure = {
  name: 'broker',
  async measure(setting): Promise<Row[]> {
    const { workers } = setting.quick ? SIZES.quick : SIZES.full;
    const rows: Row[] = [];
    for (const count of workers) rows.push(...(await costs(setting, count)));
    return rows;
  },
};

async function costs(setting: Setting, count: number): Promise<Row[]> {
  const { settleMs, watchMs } = setting.quick ? SIZES.quick : SIZES.full;
  const own = await startOwnBroker();
  try {
    if (own.control === undefined) return [];
    const { usage } = brokerControl(own.control);
    await using queue = await startQueue(own.queuePulseUrl);
    setting.say(`broker: ${count} idle workers`);
    const alone = await watchBroker(usage, { settleMs, watchMs });
    await using _fleet = await startFleet(
      { ...setting, queue, pulseUrl: own.pulseUrl },
      { count, taskMs: [0, 0] },
    );
    const crowded = await watchBroker(usage, { settleMs, watchMs });
    const title = `RabbitMQ, ${count} idle workers`;
    return [
      row(`${title}: memory for each`, 'MB', (crowded.memoryMb - alone.memoryMb) / count, undefined),
      row(
        `${title}: CPU for each, in a minute`,
        'ms',
        (crowded.cpuMsAMinute - alone.cpuMsAMinute) / count,
        undefined,
      ),
    ];
  } finally {
    await own.stop();
  }
}
