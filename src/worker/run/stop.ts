/**
 * Why a run is stopped. `max-run-time`, `limit-exceeded` and `worker-shutdown` apply only until its commands
 * have ended, the others until it is reported.
 *
 * - `canceled`: somebody cancelled the task.
 * - `deadline-exceeded`: the task's deadline has passed.
 * - `claim-lost`: the claim expired, or the queue says that the run no longer belongs to this worker (409).
 * - `max-run-time`: the commands took longer than the payload allows.
 * - `limit-exceeded`: a feature stopped the run because it used too much of the machine. The feature names the
 *   resource.
 * - `worker-shutdown`: this worker has to exit before the commands have ended, or the uploads take too long.
 */
export type StopReason =
  'canceled' | 'deadline-exceeded' | 'claim-lost' | 'max-run-time' | 'limit-exceeded' | 'worker-shutdown';

/** Time limit in seconds for the log of a run that is stopped for a reason without uploads of artifacts. */
export const LOG_SECS = 15;

/** The consequences of a stop reason. */
export interface StopRule {
  /**
   * What is reported to the queue. `nothing` if the queue has already ended the run: any report would be
   * answered with 409.
   */
  readonly report: 'nothing' | 'failed' | 'worker-shutdown';
  /** Whether the report comes before the uploads, because the machine may not have time for both. */
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
  /** The last line of the task's log. The wording is generic-worker's where it has one. */
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
    message: 'task aborted - it exceeded the limits of this worker',
  },
  'worker-shutdown': {
    report: 'worker-shutdown',
    reportFirst: true,
    artifacts: 'rest',
    keepCaches: false,
    message: 'graceful termination requested, without time to finish tasks',
  },
};
