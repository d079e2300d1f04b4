import { QueueError } from '../queue/index.ts';
import type { Tell, WorkerNews } from '../worker/index.ts';
import type { LogFields, Logger } from './logger.ts';
import { queueWords } from './queue-words.ts';

type Incident = Exclude<WorkerNews, { type: 'worker' | 'run' }>;
type Level = keyof Logger;
type Line<I> = readonly [Level, string | ((incident: I) => string)];

/** How each incident is logged. What there is to know of it becomes the line's fields. */
const LINES: { readonly [Type in Incident['type']]: Line<Extract<Incident, { type: Type }>> } = {
  'claim-work-failed': ['warn', ({ err }) => refusalOf(err) ?? 'could not ask for work'],
  'look-failed': ['warn', ({ err }) => refusalOf(err) ?? 'could not ask how many tasks are pending'],
  quarantined: ['warn', 'this worker is in quarantine: it asks for no work until that ends'],
  'quarantine-ended': ['info', 'the quarantine has ended'],
  starved: [
    'warn',
    'the queue gives this worker nothing though tasks are pending: it may be in quarantine, and asks more rarely',
  ],
  'starved-no-more': ['info', 'the queue gives this worker work again'],
  'quarantine-unknown': ['debug', 'could not ask whether this worker is in quarantine'],
  'pulse-problem': ['warn', 'Pulse: work is asked for by polling until this is mended'],
  'giving-back': ['info', 'giving a claim back, since the worker is going'],
  'give-back-failed': ['error', 'could not give the claim back; it will expire'],
  'run-broke': ['error', 'the run met an error of the worker; its claim will expire'],
  'reclaim-failed': ['warn', 'could not reclaim, trying again'],
  'upload-failed': ['error', 'could not upload'],
  'log-upload-failed': ['warn', "could not upload the task's log"],
  reported: ['info', 'resolved'],
  'not-reported': ['info', 'stopped'],
  'reported-too-late': ['info', 'the run was over before it could be reported'],
  'report-failed': ['error', 'could not report the run; its claim will expire'],
  'processes-left': [
    'error',
    ({ reason }) =>
      `processes of a run are left, so its slot is out of service: ${reason}. End them by hand, or restart the machine`,
  ],
  'processes-gone': ['info', 'the processes that were left of a run are gone: its slot is back in service'],
  'clean-up-failed': ['error', ({ what }) => `could not ${what}`],
  'no-ledger': ['warn', 'runs can not be written down: after a sudden death their traces would stay'],
  'not-written-down': ['warn', 'a run could not be written down: after a sudden death its traces would stay'],
  'leftovers-removed': ['info', 'removed what a worker that died left of a run'],
  'leftovers-stay': ['error', 'could not remove what a worker that died left of a run'],
};

/** A refusal that goes on is warned about this often, in ms, and logged as `debug` in between. */
const REFUSAL_AGAIN_MS = 300_000;

/** Writes a worker's log: a line for each item of its events. */
export function workerLog(logger: Logger, now: () => number = () => performance.now()): Tell {
  const warnedAt = new Map<string, number>();
  return news => {
    const isQuestion = news.type === 'claim-work-failed' || news.type === 'look-failed';
    const refusal = isQuestion ? refusalOf(news.err) : undefined;
    const isAgain = refusal !== undefined && now() - (warnedAt.get(refusal) ?? -Infinity) < REFUSAL_AGAIN_MS;
    if (refusal !== undefined && !isAgain) warnedAt.set(refusal, now());
    const quiet = (fields: LogFields, message: string) => {
      logger.debug(fields, message);
    };
    logNews(news, isAgain ? { ...logger, warn: quiet } : logger);
  };
}

/** What an operator has to mend before the queue lets the worker ask; undefined for any other failure. */
function refusalOf(err: unknown): string | undefined {
  if (!(err instanceof QueueError) || err.kind !== 'forbidden') return undefined;
  if (err.isAboutTime) return 'the queue refuses calls because of the time: set the clock of this machine';
  return err.statusCode === 401
    ? 'the queue refuses the credentials of this worker: it gets no work until they are corrected'
    : 'the queue does not let this worker ask: add the missing scopes to its client';
}

/** Writes one line. */
export function logNews(news: WorkerNews, logger: Logger): void {
  if (news.type === 'worker') {
    const { phase, because } = news.state;
    if (because === 'out-of-service') {
      logger.error(
        { ...news.state },
        `worker ${phase}: no slot is left without processes that cannot be ended`,
      );
    } else logger.info({ ...news.state }, `worker ${phase}`);
  } else if (news.type === 'run') {
    const { taskId, runId } = news.claim;
    const { phase, stop } = news.state;
    if (phase === 'claimed') logger.info({ taskId, runId }, stop ? `stopping: ${stop}` : 'claimed');
    else logger.debug({ taskId, runId, phase, ...(stop && { stop }) }, 'run');
  } else {
    const [level, message] = LINES[news.type] as Line<Incident>;
    logger[level](fieldsOf(news), typeof message === 'string' ? message : message(news));
  }
}

/** Of a claim, the log names the run; of an error of the queue, what it said: where in tcw that was heard helps nobody. */
function fieldsOf({ type: _, ...incident }: Incident): LogFields {
  const {
    claim,
    outcome,
    what: __,
    err,
    ...fields
  } = incident as Readonly<Record<string, unknown>> &
    Partial<Pick<Extract<Incident, { type: 'report-failed' }>, 'claim' | 'outcome' | 'err'>>;
  const error = err instanceof QueueError ? { error: queueWords(err) } : err !== undefined && { err };
  return { ...(claim && { taskId: claim.taskId, runId: claim.runId }), ...outcome, ...error, ...fields };
}
