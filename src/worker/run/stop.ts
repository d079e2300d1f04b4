/**
 * Why a run is stopped. `max-run-time`, `limit-exceeded` and `worker-shutdown` come before its commands have ended by themselves, the
 * others at any time before it is reported.
 *
 * - `canceled`: somebody cancelled the task.
 * - `deadline-exceeded`: the task's deadline has passed.
 * - `claim-lost`: the run is no longer ours: its claim expired, or the queue says so (409).
 * - `max-run-time`: the commands took longer than the payload allows.
 * - `limit-exceeded`: a feature stopped the run, which used too much of the machine. The feature says of what.
 * - `worker-shutdown`: this worker has to go, and the commands have not ended or the uploads take too long.
 */
export type StopReason =
  'canceled' | 'deadline-exceeded' | 'claim-lost' | 'max-run-time' | 'limit-exceeded' | 'worker-shutdown';

/** How long a log may take, in seconds, once a run is stopped for a reason with which no artifacts are uploaded. */
export const LOG_SECS = 15;

/** What a stop reason decides. */
export interface StopRule {
  /** What the queue is told. Nothing, where the run is over for it: any report would be a 409. */
  readonly report: 'nothing' | 'failed' | 'worker-shutdown';
  /** Whether the report comes before the uploads: a machine that goes may not have time for both. */
  readonly reportFirst: boolean;
  /**
   * What is still uploaded.
   *
   * - `all`: artifacts, then the log, with as much time as any run has: the queue waits for the report.
   * - `rest`: the log as it is, then the artifacts that exist, then the whole log, as far as the machine has time.
   * - `log`: the log, within {@link LOG_SECS}: nobody waits for more.
   */
  readonly artifacts: 'all' | 'rest' | 'log' | 'none';
  readonly keepCaches: boolean;
  /** The last line of the task's log; generic-worker's words where it has some. */
  readonly message: string;
}

export const STOP_RULES: Readonly<Record<StopReason, StopRule>> = {
  canceled: {
    report: 'nothing',
    reportFirst: false,
    artifacts: 'log',
    keepCaches: false,
    message: 'task canceled',
  },
  'deadline-exceeded': {
    report: 'nothing',
    reportFirst: false,
    artifacts: 'log',
    keepCaches: false,
    message: 'task deadline exceeded',
  },
  'claim-lost': {
    report: 'nothing',
    reportFirst: false,
    artifacts: 'none',
    keepCaches: false,
    message: 'task aborted - the claim of this run was lost',
  },
  'max-run-time': {
    report: 'failed',
    reportFirst: false,
    artifacts: 'all',
    keepCaches: false,
    message: 'task aborted - max run time exceeded',
  },
  'limit-exceeded': {
    report: 'failed',
    reportFirst: false,
    artifacts: 'all',
    keepCaches: false,
    message: 'task aborted - it used more than this worker allows',
  },
  'worker-shutdown': {
    report: 'worker-shutdown',
    reportFirst: true,
    artifacts: 'rest',
    keepCaches: false,
    message: 'graceful termination requested, without time to finish tasks',
  },
};
