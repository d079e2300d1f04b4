import { Subject } from 'rxjs';
import { logEvent } from '../../../src/cli/run/worker-log.ts';
import type { Emit } from '../../../src/worker/index.ts';
import type { Claim, Queue, RunCalls, TaskStatusStructure } from '../../../src/taskcluster/index.ts';
import type { LogFields } from '../../../src/cli/output/logger.ts';

/** A call that is open until the test answers it. */
export interface OpenCall<A, R> {
  readonly asked: A;
  readonly open: boolean;
  answer(with_: R): void;
  fail(error?: unknown): void;
}

/**
 * A queue that answers when the test decides. Unlike most tests, these need a fake: they test what happens between a
 * call and its answer, in an order and at times that a test cannot choose with a real queue.
 */
export function fakeQueue() {
  const claimWork = calls<number, Claim[]>();
  const pendingTasks = calls<undefined, number | undefined>();
  const status = calls<string, TaskStatusStructure | undefined>();
  const back$ = new Subject<void>();
  const queue: Queue = {
    back$,
    now: Date.now,
    quarantinedUntil: () => Promise.resolve(0),
    claimWork: tasks => claimWork.make(tasks),
    pendingTasks: () => pendingTasks.make(undefined),
    status: taskId => status.make(taskId),
    forRun: () => ({}) as RunCalls,
    service: () => {
      throw new Error('no other call is made');
    },
  };
  return { queue, back$, claimWork: claimWork.made, pendingTasks: pendingTasks.made, status: status.made };
}

function calls<A, R>() {
  const made: OpenCall<A, R>[] = [];
  const make = (asked: A): Promise<R> => {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    let open = true;
    made.push({
      asked,
      get open() {
        return open;
      },
      answer: with_ => {
        open = false;
        resolve(with_);
      },
      fail: error => {
        open = false;
        reject(error ?? new Error('the queue is out of order'));
      },
    });
    return promise;
  };
  return { made, make };
}

/** Claims of arbitrary tasks. */
export function someClaims(count: number): Claim[] {
  return Array.from({ length: count }, (_, index) => ({ taskId: `task-${index}`, runId: 0 }) as Claim);
}

/** Records a worker's events as lines of its log. */
export function eventLog() {
  const lines: { level: string; message: string; fields: LogFields }[] = [];
  const write = (level: string) => (fields: LogFields, message: string) =>
    void lines.push({ level, message, fields });
  const logger = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  const emit: Emit = event => {
    logEvent(event, logger);
  };
  return { lines, emit };
}
