import { catchError, defer, from, of, type Observable } from 'rxjs';
import { FEATURES, logNames } from '../features/index.ts';
import { outcomeOf, type Outcome } from '../outcome.ts';
import { gzipped, type Gzipped } from '../files/gzip.ts';
import { namelessFile } from '../files/new-file.ts';
import { putFile } from '../files/put.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import { goDuration } from '../task-log/words.ts';
import type { ActiveRun } from './active-run.ts';
import { LOG_SECS } from './stop.ts';

const LOG_TYPE = 'text/plain; charset=utf-8';

/**
 * Uploads what a run leaves: the artifacts that its payload names, then its log, which so holds everything.
 *
 * @param outcome of the commands
 * @returns the outcome, which an upload may have made worse
 */
export function upload(run: ActiveRun, outcome: Outcome): Observable<Outcome> {
  return defer(() => {
    run.dispatch({ type: 'upload' });
    return from(uploaded(run, outcome)).pipe(
      // A log that can not be written, on a full disk, costs the run its result, not the worker its life.
      catchError((error: unknown) => {
        run.worker.tell({ type: 'upload-failed', claim: run.claim, err: error });
        return of(outcome.result === 'completed' ? outcomeOf(error) : outcome);
      }),
    );
  });
}

async function uploaded(run: ActiveRun, outcome: Outcome): Promise<Outcome> {
  const { log } = run;
  if (!log) return outcome;
  const closing = run.endProcesses();
  log.info('=== Task Finished ===');
  log.info(`Task Duration: ${goDuration(performance.now() - run.startedAt)}`);
  // A process that is left could change a file while it is read.
  if (run.prepared?.payload.artifacts?.length) await closing;
  const finished = await finishFeatures(run, outcome);
  const verdict = run.verdict(finished);
  const lastWords = run.rule?.message ?? (verdict && 'message' in verdict ? verdict.message : undefined);
  if (lastWords !== undefined) log.error(lastWords);
  const ended = await uploadLog(run, log, finished);
  await closing;
  if (!run.processesLeft) return ended;
  // That is seldom, and known late: no other log waits for it.
  await log.addWarning(`Processes of this task are left: ${run.processesLeft.message}`);
  return uploadLog(run, log, finished);
}

/** The first error wins: what an upload says does not hide what the commands did. */
async function finishFeatures(run: ActiveRun, outcome: Outcome): Promise<Outcome> {
  let result = outcome;
  for (const feature of [...FEATURES].reverse()) {
    if (!run.prepared || run.uploadsStopped.aborted) break;
    try {
      await feature.finish?.(run.prepared);
    } catch (error) {
      if (result.result === 'completed') result = outcomeOf(error);
    }
  }
  return result;
}

/** Writes what is outstanding of the log, and uploads it. May be called again when something has been added to it. */
async function uploadLog(run: ActiveRun, log: TaskLog, outcome: Outcome): Promise<Outcome> {
  const { rule, claim, calls, worker } = run;
  const { backing, live } = logNames(claim.task.payload);
  if (rule?.artifacts === 'none' || backing === undefined) {
    await log.end();
    return withLog(log, outcome);
  }
  const expires = claim.task.expires ?? claim.task.deadline;
  const signal = bestEffort(run.uploadsStopped);
  let zip: Gzipped | undefined;
  try {
    const complete = async () => {
      await log.end();
      return (zip = await gzipped(log.handle, () => namelessFile(log.file), signal));
    };
    const ask = async () => {
      const asked = { storageType: 's3', contentType: LOG_TYPE, expires } as const;
      return calls.createArtifact(backing, asked, signal);
    };
    // Where it goes is asked while the last of it is written.
    const [{ content, contentEncoding }, answer] = await both(complete(), ask());
    const put = async () => {
      if (answer.storageType !== 's3') return;
      await putFile(answer.putUrl, content, { contentType: LOG_TYPE, contentEncoding, signal });
    };
    const link = async () => {
      if (live === undefined) return;
      const to = { storageType: 'link', artifact: backing, contentType: LOG_TYPE, expires } as const;
      await calls.createArtifact(live, to, signal);
    };
    await both(put(), link());
    return withLog(log, outcome);
  } catch (error) {
    worker.tell({ type: 'log-upload-failed', claim, err: error });
    const ended = withLog(log, outcome);
    return ended.result === 'completed' ? outcomeOf(error) : ended;
  } finally {
    await zip?.[Symbol.asyncDispose]();
  }
}

/** The disk was too small for the log: what there is of it goes up, and a success is none. */
function withLog({ failure }: TaskLog, outcome: Outcome): Outcome {
  return outcome.result === 'completed' && failure !== undefined ? outcomeOf(failure) : outcome;
}

/** Waits for two things at once: neither goes on when the other has failed. */
async function both<One, Other>(one: Promise<One>, other: Promise<Other>): Promise<[One, Other]> {
  await Promise.allSettled([one, other]);
  return Promise.all([one, other]);
}

/** Aborted a while after artifacts are no longer uploaded, also when that is while the log is uploaded. */
function bestEffort(stopped: AbortSignal): AbortSignal {
  const effort = new AbortController();
  const limit = () => {
    setTimeout(() => {
      effort.abort(stopped.reason);
    }, LOG_SECS * 1_000).unref();
  };
  if (stopped.aborted) limit();
  else stopped.addEventListener('abort', limit, { once: true });
  return effort.signal;
}
