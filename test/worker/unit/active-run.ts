import { tmpdir } from 'node:os';
import { Subject } from 'rxjs';
import { Secret } from '../../../src/pulse/index.ts';
import type { Claim, Queue, RunCalls } from '../../../src/taskcluster/index.ts';
import type { RunException } from '../../../src/streams/index.ts';
import type { Engine } from '../../../src/worker/engines/engine.ts';
import { enginesOf } from '../../../src/worker/engines/engines.ts';
import { FEATURES, type WorkerFeature } from '../../../src/worker/features/index.ts';
import { logs } from '../../../src/worker/features/logs.ts';
import { featureHost } from './feature-host.ts';
import { payloadsOf } from '../../../src/worker/payloads/index.ts';
import { handleOf } from '../../../src/worker/run/handle.ts';
import { featureRequestsOfRefused } from '../../../src/worker/run/feature-requests.ts';
import type { TaskLog } from '../../../src/worker/task-log/task-log.ts';
import { ActiveRun } from '../../../src/worker/run/active-run.ts';
import type { WorkerContext } from '../../../src/worker/life/context.ts';
import { LiveSecrets } from '../../../src/worker/secrets/live-secrets.ts';
import { eventLog, fakeQueue } from './fake-queue.ts';
import { workerConfig } from './worker-config.ts';

/** An engine that opens no sandbox. */
export const NO_ENGINE: Engine = {
  name: 'none',
  formats: ['generic-worker'],
  capabilities: new Set(),
  hostAddress: 'localhost',
  open: () => Promise.reject(new Error('no engine')),
};

export const TASK_ID = 'Wq3cJ8DbQ0eHkZ5uYt1mPA';

/** An active run under the control of a test, which decides when the queue answers and when streams emit. */
export function activeRun(change: { claim?: Partial<Claim>; worker?: Partial<WorkerContext> } = {}) {
  const fake = fakeQueue();
  const renewals: ReturnType<typeof Promise.withResolvers<never>>[] = [];
  const queue: Queue = {
    ...fake.queue,
    forRun: () =>
      ({
        reclaim: (): Promise<never> => {
          const renewal = Promise.withResolvers<never>();
          renewals.push(renewal);
          return renewal.promise;
        },
        createArtifact: async () => ({ storageType: 's3', putUrl: 'http://127.0.0.1:9/nobody-listens' }),
      }) as unknown as RunCalls,
  };
  const exceptions$ = new Subject<RunException>();
  const missed$ = new Subject<number>();
  const shutdown$ = new Subject<number>();
  const events = eventLog();
  const worker = {
    config: workerConfig({ tasksDir: tmpdir() }),
    queue,
    emit: events.emit,
    version: '0',
    engines: enginesOf([NO_ENGINE]),
    features: [
      {
        name: 'the log',
        feature: logs.open({ ...featureHost(), emit: events.emit }) as WorkerFeature,
        isEnabled: true,
      },
    ],
    payloads: payloadsOf(['generic-worker'], FEATURES),
    exceptions$,
    missed$,
    shutdown$,
    draining$: shutdown$,
    secrets: new LiveSecrets(),
    ...change.worker,
  } satisfies WorkerContext;
  const claim = {
    taskId: TASK_ID,
    runId: 0,
    startedMs: 0,
    deadlineMs: 3_600_000,
    lease: { takenUntilMs: 1_200_000, credentials: { clientId: 'task', accessToken: new Secret('token') } },
    task: { deadline: '2027-01-01T00:00:00.000Z' },
    ...change.claim,
  } as Claim;
  const run = new ActiveRun(claim, worker);
  return {
    run,
    worker,
    claim,
    renewals,
    exceptions$,
    missed$,
    shutdown$,
    events,
    status: fake.status,
    back$: fake.back$,
  };
}

/** Gives a run its log, which is uploaded at the end. */
export async function startLog(run: ActiveRun, log: TaskLog): Promise<void> {
  run.log = log;
  const task = run.worker.payloads.unreadable({});
  await run.features.start(
    featureRequestsOfRefused(task, run.claim, run.worker.features),
    handleOf(run, task, log),
  );
}
