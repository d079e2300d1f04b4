import { row, type Row } from '../../report/row.ts';
import type { PulseFigure } from './figure.ts';

const SIZES = { quick: { waiting: 10_000, handled: 1_000 }, full: { waiting: 100_000, handled: 10_000 } };
const HANDLER_MS = 10;
const CONCURRENCY = 10;

/** Many messages wait for a slow handler. The prefetch limits how many of them are held in memory. */
export const memory: PulseFigure = {
  name: 'memory',
  async measure(setting): Promise<Row[]> {
    const { waiting, handled } = setting.quick ? SIZES.quick : SIZES.full;
    setting.say(`memory: ${waiting} messages wait, ${handled} are handled`);
    const queue = await setting.newQueue(waiting);
    const { result } = setting.start({
      type: 'handle',
      contender: 'tcw',
      url: setting.url,
      queue,
      messages: handled,
      handlerMs: HANDLER_MS,
      concurrency: CONCURRENCY,
    });
    const { heapGrowthMb } = await result;
    await setting.deleteQueue(queue);
    const figure = `${waiting} messages wait, handler of ${HANDLER_MS} ms, concurrency ${CONCURRENCY}: growth of the heap over ${handled} of them`;
    return [row(figure, 'MB', heapGrowthMb ?? NaN, undefined, { atMost: 10 })];
  },
};
