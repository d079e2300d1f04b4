import type { Claim } from '../queue/index.ts';
import type { Outcome } from './outcome.ts';
import type { RunState } from './run/run-state.ts';
import type { StopReason } from './run/stop.ts';
import type { WorkerState } from './worker-state.ts';

/** Everything that a worker tells of itself, as it happens. The log is made of this, and tests read the same. */
export type WorkerNews =
  | { readonly type: 'worker'; readonly state: WorkerState }
  | { readonly type: 'run'; readonly claim: Claim; readonly state: RunState }
  | Incident;

/** What else happens than a change of state, by its name, with what there is to know of it. */
export interface Incidents {
  /** `claimWork` failed; the worker asks again after `waitMs`. */
  readonly 'claim-work-failed': { readonly err: unknown; readonly waitMs: number };
  /** The question how many tasks are pending failed. */
  readonly 'look-failed': { readonly err: unknown };
  /** Until a time in ISO 8601; see asking/quarantine.ts. */
  readonly quarantined: { readonly until: string };
  readonly 'quarantine-ended': object;
  /** Tasks are pending, the queue gives none, and may not be asked why. `pending` is undefined where it is not known. */
  readonly starved: { readonly pending: number | undefined };
  readonly 'starved-no-more': object;
  readonly 'quarantine-unknown': { readonly err: unknown };
  /** What keeps the worker from listening to Pulse. */
  readonly 'pulse-problem': { readonly problem: string };
  /** A claim came when the worker was going. */
  readonly 'giving-back': { readonly claim: Claim };
  readonly 'give-back-failed': { readonly claim: Claim; readonly err: unknown };
  /** A mistake in the worker itself ended a run. */
  readonly 'run-broke': { readonly claim: Claim; readonly err: unknown };
  readonly 'reclaim-failed': { readonly claim: Claim; readonly err: unknown };
  readonly 'upload-failed': { readonly claim: Claim; readonly err: unknown };
  readonly 'log-upload-failed': { readonly claim: Claim; readonly err: unknown };
  /** The queue has accepted the report. */
  readonly reported: { readonly claim: Claim; readonly outcome: Outcome };
  /** There was nothing to report: the run was over for the queue when it was stopped. */
  readonly 'not-reported': { readonly claim: Claim; readonly stop: StopReason | undefined };
  /** The queue refused the report, since the run was over. */
  readonly 'reported-too-late': { readonly claim: Claim };
  readonly 'report-failed': {
    readonly claim: Claim;
    readonly outcome: Outcome | undefined;
    readonly err: unknown;
  };
  /** Processes of a run could not be ended: its slot is out of service. `reason` names them. */
  readonly 'processes-left': { readonly claim: Claim; readonly reason: string };
  /** They are gone after all, and the slot is back in service. */
  readonly 'processes-gone': { readonly claim: Claim };
  /** `what` follows "could not". */
  readonly 'clean-up-failed': { readonly claim: Claim; readonly what: string; readonly err: unknown };
  /** Nothing, or one run, could be written down: its traces would stay after a sudden death. */
  readonly 'no-ledger': { readonly err: unknown };
  readonly 'not-written-down': { readonly err: unknown };
  /** What a worker that died left of a run, by the name of the run's folder. */
  readonly 'leftovers-removed': {
    readonly run: string;
    readonly processes: number;
    readonly files: readonly string[];
  };
  readonly 'leftovers-stay': { readonly run: string; readonly err: unknown };
}

export type Incident = {
  [Type in keyof Incidents]: { readonly type: Type } & Incidents[Type];
}[keyof Incidents];

/** Takes what happens on its way to whoever listens to the worker. */
export type Tell = (news: WorkerNews) => void;
