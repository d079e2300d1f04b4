import { filter, firstValueFrom, map, merge, Subject, timer } from 'rxjs';
import type { Pulse } from '../../../pulse/index.ts';
import { runExceptions } from '../../../streams/index.ts';
import { connectPulse, type WorkerConfig, type WorkerEvent } from '../../../worker/index.ts';
import { workerFailure } from '../worker-failure.ts';
import { collectingLog } from './collecting-log.ts';
import type { Findings } from './findings.ts';
import { reportFailure } from './report-failure.ts';

/** Time limit for the broker to provide a queue, in ms. */
const PATIENCE_MS = 10_000;
const CLOSE_MS = 500;

/** Connects to Pulse and listens briefly, on a queue that is deleted with the connection. */
export async function checkPulse(config: WorkerConfig, findings: Findings): Promise<void> {
  const log = collectingLog(findings);
  let isAway = false;
  const emit = (event: WorkerEvent) => {
    if (event.type === 'pulse-away') isAway = true;
    log(event);
  };
  let pulse: Pulse | undefined;
  try {
    pulse = await connectPulse(config, emit);
    if (!pulse || isAway) return;
    findings.ok('the broker accepts the connection');
    const problem = await listeningProblem(pulse, config);
    if (problem === undefined) findings.ok('the worker may listen to exchanges of the queue');
    else findings.warn(`${problem}: the worker would poll for work`);
  } catch (error) {
    reportFailure(workerFailure(config, error), findings);
  } finally {
    await pulse?.close(CLOSE_MS);
  }
}

/** Declares an exclusive queue and binds it as a worker does. @returns the problem that prevents listening */
async function listeningProblem(pulse: Pulse, config: WorkerConfig): Promise<string | undefined> {
  const problem$ = new Subject<string>();
  const { items$, listening$ } = runExceptions(pulse, config, problem => {
    problem$.next(problem);
  });
  const listening = items$.subscribe();
  try {
    return await firstValueFrom(
      merge(
        listening$.pipe(
          filter(Boolean),
          map(() => undefined),
        ),
        problem$,
        timer(PATIENCE_MS).pipe(map(() => 'the broker provides no queue')),
      ),
    );
  } finally {
    listening.unsubscribe();
  }
}
