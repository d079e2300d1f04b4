import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';
import { queueExchanges, type TaskExceptionMessage } from '../../src/exchanges/index.ts';
import { connect } from '../../src/pulse/index.ts';

const body = JSON.parse(
  readFileSync(new URL('../exchanges/fixture/task-exception.json', import.meta.url), 'utf8'),
) as TaskExceptionMessage;
const { taskId, taskGroupId, provisionerId, workerType, schedulerId } = body.status;
const parts = { taskId, taskGroupId, provisionerId, workerType, schedulerId, runId: 0 };

const { taskException, taskPending } = queueExchanges;

/** A cancelled run of a worker of the rack. */
const cancelled = (workerId: string) => ({
  exchange: taskException.exchange,
  routingKey: taskException.build({ ...parts, workerGroup: 'rack-1', workerId }),
  body: { ...body, workerId },
});

/** A pending run. */
const pending = {
  exchange: taskPending.exchange,
  routingKey: taskPending.build(parts),
  body: { version: 1, runId: 0, status: body.status },
};

/** Plays Taskcluster's queue: publishes each message once a queue is bound that gets it. */
function published(...messages: (typeof pending | ReturnType<typeof cancelled>)[]) {
  return {
    async before() {
      const owner = connect({ url: inject('queuePulseUrl') });
      for (const { exchange } of messages) await owner.declareExchange(exchange);
      await owner.close();
    },
    async meanwhile() {
      const owner = connect({ url: inject('queuePulseUrl') });
      for (const { exchange, routingKey, body } of messages) {
        const publisher = owner.publisher(exchange, { mandatory: true });
        while ((await publisher.tryPublish(routingKey, body)).status === 'returned') await sleep(100);
      }
      await owner.close();
    },
  };
}

export const exchangesPage = published(cancelled('machine-7'));
export const streamsPage = published(pending, cancelled('machine-8'));
