import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { queueExchanges } from '../../src/exchanges/index.ts';
import { connect, namedQueue } from '../../src/pulse/index.ts';

const { exchange } = queueExchanges.taskFailed();
const exception = new URL('../exchanges/fixture/task-exception.json', import.meta.url);

/** Taskcluster's queue, which announces a failed task once somebody listens on the queue of README.md. */
export const taskFailed = {
  async before() {
    const owner = connect({ url: inject('queuePulseUrl') });
    await owner.declareExchange(exchange);
    await owner.close();
  },
  async meanwhile() {
    const looking = connect({ url: inject('pulseUrl') });
    const listening = looking.queue(namedQueue('failures/v1', { maxLength: 1_000 }));
    while (!(await listening.inspect())?.consumers) await sleep(100);
    await looking.close();

    const body = JSON.parse(readFileSync(exception, 'utf8')) as unknown;
    const owner = connect({ url: inject('queuePulseUrl') });
    const key = 'primary.Wq3cJ8DbQ0eHkZ5uYt1mPA.0.rack-1.machine-7.releng.linux.-.Wq3cJ8DbQ0eHkZ5uYt1mPA._';
    await owner.publish(exchange, key, body);
    await owner.close();
  },
};
