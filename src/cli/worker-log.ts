import type { WorkerNews } from '../worker/index.ts';
import type { LogFields, Logger } from './logger.ts';

type Incident = Exclude<WorkerNews, { type: 'worker' | 'run' }>;
type Level = keyof Logger;
type Line<I> = readonly [Level, string | ((incident: I) => string)];

/** How each incident is logged. What there is to know of it becomes the line's fields. */
const LINES: { readonly [Type in Incident['type']]: Line<Extract<Incident, { type: Type }>> } = {
  'claim-work-failed': ['warn', 'could not ask for work'],
  'look-failed': ['warn', 'could not ask how many tasks are pending'],
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

/** Writes a worker's log: a line for each item of its events. */
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

/** Of a claim, the log names the run. */
function fieldsOf({ type: _, ...incident }: Incident): LogFields {
  const {
    claim,
    outcome,
    what: __,
    ...fields
  } = incident as Readonly<Record<string, unknown>> &
    Partial<Pick<Extract<Incident, { type: 'report-failed' }>, 'claim' | 'outcome'>>;
  return { ...(claim && { taskId: claim.taskId, runId: claim.runId }), ...outcome, ...fields };
}
