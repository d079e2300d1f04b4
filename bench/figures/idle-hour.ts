import { fileURLToPath } from 'node:url';
import { row, type Row } from '../report/row.ts';
import { firstMessage, startNode } from '../setting/children.ts';
import type { Contender } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

/** The requests that a worker makes to the queue in an hour without tasks. */
export const idleHour: Figure = {
  name: 'idle-hour',
  async measure(setting): Promise<Row[]> {
    setting.say('idle-hour: an hour of a clock that is turned');
    const own = await requestsOf('tcw');
    const baseline = await requestsOf('baseline');
    return [
      row('requests to the queue in an idle hour, Pulse connected', 'requests', own, baseline, {
        atMost: 30,
      }),
    ];
  },
};

function requestsOf(kind: Contender): Promise<number> {
  const script = fileURLToPath(new URL('../setting/idle-hour-process.ts', import.meta.url));
  const child = startNode([script, kind], {}, ['ignore', 'inherit', 'inherit', 'ipc']);
  return firstMessage(child, message => (message as { requests?: number }).requests);
}
