import { Subject } from 'rxjs';
import type { TaskStatusStructure } from '../../../src/taskcluster/index.ts';
import type { PendingNotice } from '../../../src/streams/index.ts';
import type { Demand } from '../../../src/worker/asking/claim.ts';
import { demandFromNotices } from '../../../src/worker/asking/notice-demand.ts';
import { slotsFor } from '../../../src/worker/life/slots.ts';
import { turns } from '../../streams/pulse-under-test.ts';
import { fakeQueue } from './fake-queue.ts';

const NOW = 1_000_000;

export interface TestNotice extends PendingNotice {
  /** How it was settled, each time. */
  readonly settled: ('done' | 'given back')[];
}

export function notice(ageMs = 0, taskId = 'task'): TestNotice {
  const settled: TestNotice['settled'] = [];
  return {
    taskId,
    runId: 0,
    scheduledMs: NOW - ageMs,
    settled,
    done: () => settled.push('done'),
    giveBack: () => settled.push('given back'),
  };
}

export const STALE_MS = 5_000;
export const statusOf = (state: 'pending' | 'running') => ({ runs: [{ state }] }) as TaskStatusStructure;

/** Listens with this many slots, at a queue that answers when the test decides. */
export function start(capacity = 4) {
  const fake = fakeQueue();
  const slots = slotsFor(capacity);
  const notices$ = new Subject<PendingNotice>();
  const demands: Demand[] = [];
  const seen = { complete: false };
  const subscription = notices$.pipe(demandFromNotices(fake.queue, slots, () => NOW)).subscribe({
    next: demand => demands.push(demand),
    complete: () => (seen.complete = true),
  });
  const arrive = (...notices: PendingNotice[]) => {
    notices.forEach(each => {
      notices$.next(each);
    });
    return turns(2);
  };
  return { ...fake, slots, notices$, demands, seen, subscription, arrive };
}
