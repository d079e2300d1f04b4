import { firstValueFrom, lastValueFrom, map, NEVER, Observable, Subject, timer } from 'rxjs';
import type { Claim, RunCalls } from '../src/taskcluster/index.ts';
import type { RunException } from '../src/streams/index.ts';
import type { WorkerParts } from '../src/worker/life/context.ts';
import { LiveSecrets } from '../src/worker/secrets/live-secrets.ts';
import { taskRun } from '../src/worker/run/task-run.ts';

/*
 * A worker that claims work and learns of cancellations as generic-worker does. Everything else is tcw: the same
 * client, engine, log and uploads. Only the way of claiming differs.
 *
 * The behaviour of generic-worker is taken from the source of version 106 (taskcluster/taskcluster,
 * workers/generic-worker):
 *
 * - `RunWorker` in main.go is one loop. It counts the free slots. If there are any, it makes one `claimWork` call for
 *   all of them. The queue answers at once, or after 20 s if it has no tasks. The loop starts the claimed tasks, and
 *   then waits until 5 s have passed since the beginning of the iteration or until a task has ended, whichever comes
 *   first.
 * - taskstatus.go reclaims a task 3 minutes before its claim of 20 minutes ends. Any error there kills the task, and
 *   there is no other way to learn of a cancellation: `Cancel` has no content.
 *
 * The parts that are left out would only make it slower: the call to worker-manager in each iteration and, for each
 * task, a user and a copy of generic-worker that is started to print its version.
 */
const SECRETS = new LiveSecrets();
const SHORTEST_TURN_MS = 5_000;
/** The fraction of a claim after which it is renewed. */
const RECLAIM_AT = 17 / 20;
/** The most claims that the queue returns for one call. */
const MAX_CLAIMS = 32;
/** Added to the end of the claim that a run sees, in ms, so that the run does not reclaim by itself. */
const FAR_MS = 10 * 24 * 3_600_000;

/** Works until the process ends. */
export async function baselineWorker(parts: WorkerParts): Promise<never> {
  const { config, queue } = parts;
  const running = new Set<Claim>();
  const ended$ = new Subject<Claim>();
  ended$.subscribe(claim => running.delete(claim));
  for (;;) {
    const turn = [firstValueFrom(timer(SHORTEST_TURN_MS)), firstValueFrom(ended$)];
    const free = Math.min(config.capacity - running.size, MAX_CLAIMS);
    if (free > 0) {
      const claims = await queue.claimWork(free).catch((err: unknown) => {
        console.error('could not claim work', err);
        return [];
      });
      for (const claim of claims) {
        running.add(claim);
        void run(claim, parts).then(() => {
          ended$.next(claim);
        });
      }
    }
    await Promise.race(turn);
  }
}

/** Runs a task as tcw does, except for the reclaiming. */
async function run(claim: Claim, parts: WorkerParts): Promise<void> {
  const calls = parts.queue.forRun(claim);
  const lease = { ...claim.lease, takenUntilMs: claim.lease.takenUntilMs + FAR_MS };
  await lastValueFrom(
    taskRun(
      { ...claim, lease },
      {
        ...parts,
        emit: () => undefined,
        queue: { ...parts.queue, forRun: () => calls },
        exceptions$: failedReclaim(claim, calls).pipe(map(() => canceled(claim))),
        missed$: NEVER,
        shutdown$: NEVER,
        draining$: NEVER,
        secrets: SECRETS,
      },
    ),
  );
}

function canceled({ taskId, runId }: Claim): RunException {
  return { taskId, runId, reason: 'canceled' };
}

/** Reclaims for as long as it is subscribed. Emits the error of the first reclaim that fails. */
function failedReclaim({ startedMs, lease }: Claim, calls: RunCalls): Observable<unknown> {
  return new Observable(subscriber => {
    let fromMs = startedMs;
    let untilMs = lease.takenUntilMs;
    let waiting: NodeJS.Timeout;
    const wait = () => {
      waiting = setTimeout(() => void reclaim(), (untilMs - fromMs) * RECLAIM_AT);
    };
    const reclaim = async () => {
      try {
        fromMs = Date.now();
        untilMs = (await calls.reclaim()).takenUntilMs;
        wait();
      } catch (error) {
        subscriber.next(error);
      }
    };
    wait();
    return () => {
      clearTimeout(waiting);
    };
  });
}
