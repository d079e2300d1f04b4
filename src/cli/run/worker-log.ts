import { ServiceError } from '../../taskcluster/index.ts';
import type { Emit, WorkerEvent } from '../../worker/index.ts';
import type { LogFields, Logger } from '../output/logger.ts';
import { serviceErrorText } from '../words/service-error-text.ts';

type Incident = Exclude<WorkerEvent, { type: 'worker' | 'run' }>;
type Level = keyof Logger;
type Line<I> = readonly [Level, string | ((incident: I) => string)];

/** The level and message for each incident. Its properties become the fields of the log line. */
const LINES: { readonly [Type in Incident['type']]: Line<Extract<Incident, { type: Type }>> } = {
  'claim-work-failed': ['warn', ({ err }) => refusalOf(err) ?? 'could not claim work'],
  'pending-check-failed': ['warn', ({ err }) => refusalOf(err) ?? 'could not ask how many tasks are pending'],
  'claim-work-works': ['info', 'the queue answers claimWork again'],
  'pending-check-works': ['info', 'the queue reports the number of pending tasks again'],
  quarantined: ['warn', 'this worker is in quarantine: it asks for no work until the quarantine ends'],
  'quarantine-ended': ['info', 'the quarantine has ended'],
  starved: [
    'warn',
    'the queue gives this worker no task although tasks are pending: the worker may be in quarantine, so it now asks less often',
  ],
  'starved-no-more': ['info', 'the queue gives this worker tasks again'],
  'quarantine-unknown': ['debug', 'could not ask whether this worker is in quarantine'],
  'no-pulse': ['info', 'no pulseUrl: polling for work'],
  'pulse-away': ['warn', 'Pulse cannot be reached: polling for work until it is back'],
  'queue-away': ['warn', 'the queue did not answer, trying again'],
  'claim-unreadable': ['error', 'a claim is lost until it expires'],
  'credentials-refused': ['debug', 'the queue refuses the credentials of this worker'],
  'weak-containment': ['warn', 'no PID namespaces: a task may leave processes behind'],
  'no-process-limit': [
    'warn',
    'no limit for the number of processes: a task may use all processes of the machine',
  ],
  'no-task-limits': ['warn', ({ reason }) => `a task may exceed the configured limits: ${reason}`],
  'engine-away': [
    'warn',
    ({ engine }) =>
      `the engine ${engine} does not answer: this worker asks for no work until the engine answers`,
  ],
  'engine-back': ['info', ({ engine }) => `the engine ${engine} answers again: this worker asks for work`],
  'engine-gone': [
    'error',
    ({ engine, awaySecs }) =>
      `the engine ${engine} has been away for ${awaySecs} s: the worker ends. Start the engine again, or change dockerAbsenceSecs`,
  ],
  'tasks-can-use-docker': [
    'warn',
    ({ socket }) =>
      `native tasks run as the user of this worker, who can open ${socket}: each of them can start privileged containers, which amounts to root. Prefer engine user,docker`,
  ],
  'engine-stays': ['error', 'could not end the processes that were ready for the next run; end them by hand'],
  'metadata-not-written': ['warn', 'could not write the file that names the last task'],
  'tasks-not-counted': ['warn', 'could not record how many tasks are done'],
  'pulse-problem': ['warn', 'Pulse: polling for work until this is fixed'],
  'giving-back': [
    'info',
    ({ because }) =>
      because === 'draining'
        ? 'giving a claim back, because the worker is shutting down'
        : 'giving a claim back, because its engine does not answer',
  ],
  'give-back-failed': ['error', 'could not give the claim back; it will expire'],
  'run-broke': ['error', 'the worker had an internal error during the run; its claim will expire'],
  'worker-unfit': [
    'error',
    ({ exitCode }) =>
      `the script reports that this worker can run no more tasks (exit code ${exitCode}): the worker ends`,
  ],
  'no-user-left': [
    'error',
    'all users of taskUserIds have been used since this machine started: the worker ends. Start the machine again, or widen the range',
  ],
  'no-new-users': [
    'warn',
    'runAfterUserCreation has no effect here: only the engine "user" creates a new user for each task',
  ],
  'user-script-failed': [
    'error',
    ({ script, failure }) =>
      `runAfterUserCreation (${script}) failed: ${failure}. The task is given back, and the worker ends. Repair the machine or the program`,
  ],
  'tunnel-lost': [
    'warn',
    'the connection to the websocktunnel was lost: live logs and shells are unavailable until it is back, trying again',
  ],
  'tunnel-back': ['info', 'the connection to the websocktunnel is back'],
  'reclaim-failed': ['warn', 'could not reclaim, trying again'],
  reclaimed: ['debug', 'reclaimed'],
  uploaded: ['debug', 'uploaded'],
  'upload-failed': ['error', 'could not upload'],
  'no-live-logs': [
    'info',
    'no live logs: neither publicIP, nor wstServerURL and wstAudience are configured. Logs are available after their tasks have ended',
  ],
  'live-log-failed': ['warn', "the task's log cannot be read while the task runs"],
  'log-upload-failed': ['warn', "could not upload the task's log"],
  reported: ['info', 'resolved'],
  'not-reported': ['info', 'stopped'],
  'reported-too-late': ['info', 'the run was over before it could be reported'],
  'report-failed': ['error', 'could not report the run; its claim will expire'],
  'processes-left': [
    'error',
    ({ reason }) =>
      `processes of a run are still alive, so its slot is out of service: ${reason}. End them by hand, or restart the machine`,
  ],
  'processes-gone': ['info', 'the remaining processes of a run have ended: its slot is back in service'],
  'clean-up-failed': ['error', ({ what }) => `could not ${what}`],
  'store-entry-removed': ['info', ({ description }) => `removed ${description} to free disk space`],
  'downloads-problem': ['warn', ({ problem }) => problem],
  'store-entry-stays': ['warn', ({ description }) => `could not remove ${description}`],
  'disk-short': [
    'warn',
    ({ freeBytes, totalBytes, requiredBytes }) =>
      `the disk has no room for another task, so this worker asks for no work: ${megabytes(freeBytes)} MB are free of ` +
      `${megabytes(totalBytes)}, and requiredDiskSpaceMegabytes is ${megabytes(requiredBytes)}. Free disk space, or require less`,
  ],
  'disk-enough': ['info', 'there is enough disk space again: this worker asks for work'],
  'disk-unknown': ['warn', 'could not determine how much disk space is free'],
  'purge-requests-failed': ['warn', 'could not ask which caches to purge: caches are used unchanged'],
  'caches-not-written-down': [
    'warn',
    'could not write the list of caches: after a restart, some of them would not be found',
  ],
  'caches-swept': ['info', 'removed folders from cachesDir that were not given back properly'],
  'no-ledger': [
    'warn',
    'runs cannot be recorded: after a sudden death, what they leave behind would not be removed',
  ],
  'not-written-down': [
    'warn',
    'a run could not be recorded: if the worker dies suddenly, what the run leaves behind will not be removed',
  ],
  'leftovers-removed': ['info', 'removed what remained of a run after its worker died'],
  'tasks-can-read-key': [
    'warn',
    ({ property }) =>
      `tasks run as the user of this worker: each of them can read the key of ${property}, and values encrypted for other tasks`,
  ],
  'signing-key-unusable': [
    'warn',
    ({ problem }) =>
      `${problem}. Tasks run as the user of this worker, so none gets a chain of trust: the key is not needed`,
  ],
  'leftovers-stay': ['error', 'could not remove what remained of a run after its worker died'],
};

/** Megabytes as in `requiredDiskSpaceMegabytes`. */
function megabytes(bytes: number): number {
  return Math.floor(bytes / 1024 ** 2);
}

/** The interval between warnings about the same continuing refusal, in ms. In between, it is logged as `debug`. */
const REFUSAL_AGAIN_MS = 300_000;

/** Writes the worker's log: one line for each event. */
export function workerLog(logger: Logger, now: () => number = () => performance.now()): Emit {
  const warnedAt = new Map<string, number>();
  return event => {
    const isQuestion = event.type === 'claim-work-failed' || event.type === 'pending-check-failed';
    const refusal = isQuestion ? refusalOf(event.err) : undefined;
    const isAgain = refusal !== undefined && now() - (warnedAt.get(refusal) ?? -Infinity) < REFUSAL_AGAIN_MS;
    if (refusal !== undefined && !isAgain) warnedAt.set(refusal, now());
    const quiet = (fields: LogFields, message: string) => {
      logger.debug(fields, message);
    };
    logEvent(event, isAgain ? { ...logger, warn: quiet } : logger);
  };
}

/** Describes what an operator must fix when the queue refuses a call; undefined for any other failure. */
function refusalOf(err: unknown): string | undefined {
  if (!(err instanceof ServiceError) || err.kind !== 'forbidden') return undefined;
  if (err.isAboutTime) return 'the queue refuses calls because of the time: set the clock of this machine';
  return err.statusCode === 401
    ? 'the queue refuses the credentials of this worker: it gets no work until they are corrected'
    : 'the queue does not let this worker ask: add the missing scopes to its client';
}

/** Writes one line. */
export function logEvent(event: WorkerEvent, logger: Logger): void {
  if (event.type === 'worker') {
    const { phase, because } = event.state;
    if (because === 'out-of-service') {
      logger.error(
        { ...event.state },
        `worker ${phase}: no slot is left without processes that cannot be ended`,
      );
    } else logger.info({ ...event.state }, `worker ${phase}`);
  } else if (event.type === 'run') {
    const { taskId, runId } = event.claim;
    const { phase, stop } = event.state;
    if (phase === 'claimed') logger.info({ taskId, runId }, stop ? `stopping: ${stop}` : 'claimed');
    else logger.debug({ taskId, runId, phase, ...(stop && { stop }) }, 'run');
  } else {
    const [level, message] = LINES[event.type] as Line<Incident>;
    logger[level](fieldsOf(event), typeof message === 'string' ? message : message(event));
  }
}

/**
 * Returns the fields of an incident. A claim is shortened to its run, and an error of the queue to its message, because
 * the stack in tcw helps nobody.
 */
function fieldsOf({ type: _, ...incident }: Incident): LogFields {
  const {
    claim,
    outcome,
    what: __,
    err,
    ...fields
  } = incident as Readonly<Record<string, unknown>> &
    Partial<Pick<Extract<Incident, { type: 'report-failed' }>, 'claim' | 'outcome' | 'err'>>;
  const error = err instanceof ServiceError ? { error: serviceErrorText(err) } : err !== undefined && { err };
  return { ...(claim && { taskId: claim.taskId, runId: claim.runId }), ...outcome, ...error, ...fields };
}
