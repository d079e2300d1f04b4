import { setTimeout as sleep } from 'node:timers/promises';
import { median, quantile } from '../../report/statistics.ts';
import { row, type Row } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { contender } from '../contenders/tcw.ts';
import type { PulseSetting } from '../setting.ts';
import type { PulseFigure } from './figure.ts';

const SIZES = { quick: { rounds: 2, messages: 300 }, full: { rounds: 6, messages: 1_500 } };
const EVERY_MS = 3;
/** The time that each message took, in ms. */
type Waits = readonly number[];
type Name = 'tcw' | 'amqplib';

/**
 * The latency of a message between two otherwise idle programs that use the same library.
 *
 * The libraries take turns, message by message. A slowdown of the machine therefore affects both, and the two consumers
 * never wake at the same moment and compete for a core.
 */
export const latency: PulseFigure = {
  name: 'latency',
  async measure(setting): Promise<Row[]> {
    const { rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`latency: ${rounds} rounds`);
    const own: Waits[] = [];
    const bare: Waits[] = [];
    const publisher = await contender.publishTo(setting.url, setting.exchange);
    const publish: Publish = {
      tcw: (routingKey, body) => void publisher.publish(routingKey, body),
      amqplib: (routingKey, body) => {
        setting.publish(routingKey, body);
      },
    };
    for (let round = 0; round < rounds; round++) {
      const names = round % 2 === 0 ? (['tcw', 'amqplib'] as const) : (['amqplib', 'tcw'] as const);
      const waits = await waitsOf(setting, publish, names);
      own.push(waits.tcw);
      bare.push(waits.amqplib);
    }
    await publisher.close();
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
    return [...part(0.5, 'median', 1.05), ...part(0.99, 'p99', 1.5)];
  },
};

type Publish = Readonly<Record<Name, (routingKey: string, body: object) => void>>;

async function waitsOf(
  setting: PulseSetting,
  publish: Publish,
  names: readonly Name[],
): Promise<Record<Name, Waits>> {
  const { messages } = setting.quick ? SIZES.quick : SIZES.full;
  const listeners = [];
  for (const name of names) {
    const queue = await setting.newQueue(0, `to.${name}`);
    const { url } = setting;
    const job = setting.start({ type: 'listen', contender: name, url, queue, prefetch: 200, messages });
    await job.listening;
    listeners.push({ name, queue, job });
  }
  // A job that reports that it listens may still be waiting for the broker's confirmation.
  await sleep(500);
  for (let message = 0; message < messages; message++) {
    for (const name of names) {
      publish[name](`to.${name}`, { sentMs: nowMs() });
      await sleep(EVERY_MS);
    }
  }
  const waits: Partial<Record<Name, Waits>> = {};
  for (const { name, queue, job } of listeners) {
    waits[name] = (await job.result).waitsMs;
    await setting.deleteQueue(queue);
  }
  return waits as Record<Name, Waits>;
}
