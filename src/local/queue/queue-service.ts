import { queueApi, type QueueApi } from '../../taskcluster/index.ts';
import { createService, type Service } from '../http/api.ts';
import { ping } from '../http/ping.ts';
import type { Queue } from './queue.ts';
import { artifactCalls } from './routes/artifacts.ts';
import { taskGroupCalls } from './routes/task-groups.ts';
import { taskQueueCalls } from './routes/task-queues.ts';
import { taskCalls } from './routes/tasks.ts';
import { workCalls } from './routes/work.ts';
import { workerCalls } from './routes/workers.ts';

/** The queue service. */
export function queueService(queue: Queue): Service {
  return createService<QueueApi>('queue', queueApi, {
    ping,
    ...taskCalls(queue),
    ...taskGroupCalls(queue),
    ...workCalls(queue),
    ...artifactCalls(queue),
    ...taskQueueCalls(queue),
    ...workerCalls(queue),
  });
}
