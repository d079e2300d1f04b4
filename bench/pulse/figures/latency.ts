import { setTimeout as sleep } from 'node:timers/promises';
import { median, quantile } from '../../report/statistics.ts';
import { row, type Row } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import type { PulseSetting } from '../setting.ts';
import type { PulseFigure } from './figure.ts';

const SIZES = { quick: { rounds: 2, messages: 300 }, full: { rounds: 6, messages: 2_000 } };
const EVERY_MS = 3;
/** How long each message took, in ms. */
type Waits = readonly number[];

/**
 * A message on its way to a consumer that has nothing else to do.
 *
 * Both hear the same messages, each over a queue of its own, so that a pause of the broker or of the network is one for
 * both. Which queue the broker serves first alternates.
 */
export const latency: PulseFigure = {
  name: 'latency',
  async measure(setting): Promise<Row[]> {
    const { rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`latency: ${rounds} rounds`);
    const own: Waits[] = [];
    const bare: Waits[] = [];
    for (let round = 0; round < rounds; round++) {
      const names = round % 2 === 0 ? (['tcw', 'amqplib'] as const) : (['amqplib', 'tcw'] as const);
      const waits = await waitsOf(setting, names);
      own.push(waits.tcw);
      bare.push(waits.amqplib);
    }
    const part = (of: number, name: string, atMost: number) => {
      const typical = (all: readonly Waits[]) => median(all.map(waits => quantile(waits, of)));
      const [value, baseline] = [typical(own), typical(bare)];
      return [
        row(`publish → handler, ${name}`, 'ms', value, baseline),
        row(`publish → handler, ${name}, of bare amqplib's`, 'times', value / baseline, undefined, {
          atMost,
        }),
      ];
    };
    return [...part(0.5, 'median', 1.1), ...part(0.99, 'p99', 1.5)];
  },
};

async function waitsOf<Name extends 'tcw' | 'amqplib'>(
  setting: PulseSetting,
  names: readonly Name[],
): Promise<Record<Name, Waits>> {
  const { messages } = setting.quick ? SIZES.quick : SIZES.full;
  const listeners = [];
  for (const name of names) {
    const queue = await setting.newQueue(0);
    const { url } = setting;
    const job = setting.start({ type: 'listen', contender: name, url, queue, prefetch: 200, messages });
    await job.listening;
    listeners.push({ name, queue, job });
  }
  // Whoever says that it listens may still be waiting for the broker to say so too.
  await sleep(500);
  for (let message = 0; message < messages; message++) {
    setting.publish('a.single.one', { sentMs: nowMs() });
    await sleep(EVERY_MS);
  }
  const waits: Partial<Record<Name, Waits>> = {};
  for (const { name, queue, job } of listeners) {
    waits[name] = (await job.result).waitsMs;
    await setting.deleteQueue(queue);
  }
  return waits as Record<Name, Waits>;
}
