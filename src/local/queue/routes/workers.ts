import type { QueueApi } from '../../../taskcluster/index.ts';
import type { Handlers } from '../../http/call.ts';
import { pageOf } from '../../http/pages.ts';
import { isoTime, parseTime } from '../../times.ts';
import type { Queue } from '../queue.ts';
import { splitTaskQueueId } from '../tasks/definition.ts';
import type { KnownWorker } from '../workers/worker-table.ts';

interface Params {
  readonly provisionerId: string;
  readonly workerType: string;
}

/** The calls about workers and quarantine. */
export function workerCalls({ workers, clock }: Queue): Handlers<QueueApi> {
  const isQuarantined = ({ quarantineUntil = 0 }: KnownWorker): boolean => quarantineUntil > clock.now();

  return {
    listWorkers({ params, query: { quarantined, ...page } }) {
      const found = workers
        .list(taskQueueOf(params))
        .filter(worker => quarantined === undefined || isQuarantined(worker) === (quarantined === 'true'));
      const { items, ...rest } = pageOf(found, page);
      return { workers: items.map(summaryOf), ...rest };
    },

    getWorker({ params: { workerGroup, workerId, ...params } }) {
      const worker = workers.get({ taskQueueId: taskQueueOf(params), workerGroup, workerId });
      return { ...describeWorker(worker), quarantineDetails: detailsOf(worker) };
    },

    async quarantineWorker({ params: { workerGroup, workerId, ...params }, body, caller }) {
      const who = await caller();
      const worker = workers.quarantine(
        { taskQueueId: taskQueueOf(params), workerGroup, workerId },
        {
          clientId: who.kind === 'client' ? who.clientId : who.kind,
          updatedAt: clock.now(),
          quarantineUntil: parseTime(body.quarantineUntil),
          quarantineInfo: body.quarantineInfo ?? '',
        },
      );
      return describeWorker(worker);
    },
  };
}

function taskQueueOf({ provisionerId, workerType }: Params): string {
  return `${provisionerId}/${workerType}`;
}

function summaryOf(worker: KnownWorker) {
  const { workerGroup, workerId, firstClaim, lastDateActive, recentTasks } = worker;
  const latestTask = recentTasks.at(-1);
  return {
    workerGroup,
    workerId,
    firstClaim: isoTime(firstClaim),
    lastDateActive: isoTime(lastDateActive),
    ...(latestTask && { latestTask }),
    ...quarantineOf(worker),
  };
}

function describeWorker(worker: KnownWorker) {
  const { taskQueueId, workerGroup, workerId, recentTasks } = worker;
  return {
    taskQueueId,
    workerGroup,
    workerId,
    ...quarantineOf(worker),
    expires: isoTime(worker.expires),
    firstClaim: isoTime(worker.firstClaim),
    recentTasks,
    lastDateActive: isoTime(worker.lastDateActive),
    ...splitTaskQueueId(taskQueueId),
  };
}

function quarantineOf({ quarantineUntil }: KnownWorker) {
  return quarantineUntil === undefined ? {} : { quarantineUntil: isoTime(quarantineUntil) };
}

function detailsOf({ quarantines }: KnownWorker) {
  return quarantines.map(({ updatedAt, quarantineUntil, ...rest }) => ({
    ...rest,
    updatedAt: isoTime(updatedAt),
    quarantineUntil: isoTime(quarantineUntil),
  }));
}
