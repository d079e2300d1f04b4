import { defer, type Observable } from 'rxjs';
import type { Ending } from '../features/index.ts';
import { outcomeOf, type Outcome } from '../outcome.ts';
import { goDuration } from '../task-log/lines.ts';
import type { ActiveRun } from './active-run.ts';
import { LOG_SECS } from './stop.ts';

/**
 * Uploads the results of a run: first the artifacts in its payload, then its log, which therefore contains
 * everything. If the worker is shutting down, the log is also uploaded before the artifacts.
 *
 * @param outcome the result of the commands
 * @returns the outcome, which a failed upload may have made worse
 */
export function upload(run: ActiveRun, outcome: Outcome): Observable<Outcome> {
  return defer(() => {
    run.dispatch({ type: 'upload' });
    return uploadedOrFailed(run, outcome);
  });
}

/** A log that cannot be written, for example on a full disk, must fail the run, but not end the worker. */
async function uploadedOrFailed(run: ActiveRun, outcome: Outcome): Promise<Outcome> {
  try {
    return await uploaded(run, outcome);
  } catch (err) {
    run.worker.emit({ type: 'upload-failed', claim: run.claim, err });
    return outcome.result === 'completed' ? outcomeOf(err) : outcome;
  }
}

async function uploaded(run: ActiveRun, outcome: Outcome): Promise<Outcome> {
  const { log } = run;
  if (!log) return outcome;
  const closing = run.endProcesses();
  log.info('=== Task Finished ===');
  log.info(`Task Duration: ${goDuration(performance.now() - run.startedAt)}`);
  // A remaining process could change a file while it is read.
  if (run.sandbox) await closing;
  const effort = bestEffort(run.uploadsStopped);
  if (run.rule?.artifacts === 'rest' && !run.uploadsStopped.aborted) {
    log.info('The worker is shutting down: uploading this log, then as many artifacts as time allows');
    await run.features.finishEarly(endingOf(run, outcome, effort));
  }
  const ended = await run.features.finish(outcome, soFar => endingOf(run, soFar, effort), log);
  await closing;
  if (!run.processesLeft) return ended;
  // This is rare, and may become known only after the log was uploaded.
  await log.addWarning(`Processes of this task are still alive: ${run.processesLeft.message}`);
  return run.features.finishAlways(ended, soFar => ({
    ...endingOf(run, soFar, effort),
    finalMessage: undefined,
  }));
}

/** The ending of the run, for a feature that finishes now. Only the log has more time than the artifacts. */
function endingOf(run: ActiveRun, outcome: Outcome, effort: AbortSignal): Ending {
  const { rule, uploadsStopped, exitCode } = run;
  const verdict = run.verdict(outcome);
  const message = verdict && 'message' in verdict ? verdict.message : undefined;
  return {
    verdict,
    exitCode,
    stopped: run.stopped.aborted,
    finalMessage: rule?.message ?? message,
    // A remaining process could still write to the caches.
    keepCaches: (rule?.keepCaches ?? true) && !run.processesLeft,
    uploads: uploadsStopped.aborted && rule?.artifacts !== 'none' ? 'log' : (rule?.artifacts ?? 'all'),
    signal: uploadsStopped,
    logSignal: effort,
  };
}

/** A signal that is aborted some time after uploads of artifacts have ended, even while the log is being uploaded. */
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
