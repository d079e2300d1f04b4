import { setTimeout as sleep } from 'node:timers/promises';
import { median, quantile } from '../../report/statistics.ts';
import { row, type Row } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import type { ContenderName } from '../contender-process.ts';
import type { PulseSetting } from '../setting.ts';
import type { PulseFigure } from './figure.ts';

const SIZES = { quick: { rounds: 1, messages: 300 }, full: { rounds: 5, messages: 2_000 } };
const EVERY_MS = 3;

/** A message on its way to a consumer that has nothing else to do. */
export const latency: PulseFigure = {
  name: 'latency',
  async measure(setting): Promise<Row[]> {
    const { rounds } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`latency: ${rounds} rounds`);
    const own: (readonly number[])[] = [];
    const bare: (readonly number[])[] = [];
    for (let round = 0; round < rounds; round++) {
      own.push(await waits(setting, 'tcw'));
      bare.push(await waits(setting, 'amqplib'));
    }
    const part = (of: number, name: string, atMost: number) => {
      // Of each round by itself: a pause of the machine would be all there is to see of the others.
      const typical = (all: readonly (readonly number[])[]) => median(all.map(one => quantile(one, of)));
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

async function waits(setting: PulseSetting, contender: ContenderName): Promise<readonly number[]> {
  const { messages } = setting.quick ? SIZES.quick : SIZES.full;
  const queue = await setting.newQueue(0);
  const job = setting.start({ type: 'listen', contender, url: setting.url, queue, prefetch: 200, messages });
  await job.listening;
  // Whoever says that it listens may still be waiting for the broker to say so too.
  await sleep(500);
  for (let message = 0; message < messages; message++) {
    setting.publish('a.single.one', { sentMs: nowMs() });
    await sleep(EVERY_MS);
  }
  const { waitsMs } = await job.result;
  await setting.deleteQueue(queue);
  return waitsMs;
}
