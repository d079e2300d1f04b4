import type { Claim, ServiceError } from '../taskcluster/index.ts';
import type { Outcome } from './outcome.ts';
import type { RunState } from './run/run-state.ts';
import type { StopReason } from './run/stop.ts';
import type { WorkerState } from './life/worker-state.ts';

/** Everything that a worker tells of itself, as it happens. The log is made of this, and tests read the same. */
export type WorkerNews =
  | { readonly type: 'worker'; readonly state: WorkerState }
  | { readonly type: 'run'; readonly claim: Claim; readonly state: RunState }
  | Incident;

/** Why a claim is given back to the queue: the worker asks for nothing more, or the engine that its task needs is away. */
export type WhyGivenBack = 'draining' | 'engine-away';

/** What else happens than a change of state, by its name, with what there is to know of it. */
export interface Incidents {
  /** `claimWork` failed; the worker asks again after `waitMs`. */
  readonly 'claim-work-failed': { readonly err: unknown; readonly waitMs: number };
  /** `claimWork` was answered again, after calls that failed. */
  readonly 'claim-work-works': object;
  /** The question how many tasks are pending failed. */
  readonly 'look-failed': { readonly err: unknown };
  /** That question was answered again. */
  readonly 'look-works': object;
  /** Until a time in ISO 8601; see asking/quarantine.ts. */
  readonly quarantined: { readonly until: string };
  readonly 'quarantine-ended': object;
  /** Tasks are pending, the queue gives none, and may not be asked why. `pending` is undefined where it is not known. */
  readonly starved: { readonly pending: number | undefined };
  readonly 'starved-no-more': object;
  readonly 'quarantine-unknown': { readonly err: unknown };
  /** The configuration names no broker. */
  readonly 'no-pulse': object;
  /** The broker cannot be reached, and may come later. */
  readonly 'pulse-away': { readonly reason: string };
  /** A call of a service had no good answer, and is made again after `waitMs`. */
  readonly 'queue-away': { readonly err: ServiceError; readonly waitMs: number };
  /** The queue does not believe who calls, and never did: the worker ends. */
  readonly 'credentials-refused': { readonly err: ServiceError };
  /** A claim cannot be read, and hangs until it expires. */
  readonly 'claim-unreadable': { readonly problem: string };
  /** The machine offers less than it could to hold a run's processes together. */
  readonly 'weak-containment': { readonly containment: string; readonly reason: string };
  readonly 'no-process-limit': { readonly maxTaskProcesses: number; readonly reason: string };
  /** Limits for what a run may use that are configured and cannot be had. */
  readonly 'no-task-limits': { readonly reason: string };
  /** An engine does not answer, so the worker asks for no work. Told once for each absence. */
  readonly 'engine-away': { readonly engine: string; readonly reason: string };
  readonly 'engine-back': { readonly engine: string };
  /** An engine has been away for longer than the configuration allows: the worker ends. */
  readonly 'engine-gone': { readonly engine: string; readonly awaySecs: number };
  /** Native tasks run beside containers, as a user who may use the Docker engine: told at the start. */
  readonly 'tasks-can-use-docker': { readonly socket: string };
  /** What the engine had ready for the next run could not be ended. */
  readonly 'engine-stays': { readonly err: unknown };
  /** The file that names the last task could not be written. Told once. */
  readonly 'metadata-not-written': { readonly file: string; readonly err: unknown };
  /** How many tasks were done could not be written down. */
  readonly 'tasks-not-counted': { readonly err: unknown };
  /** What keeps the worker from listening to Pulse. */
  readonly 'pulse-problem': { readonly problem: string };
  /** A claim came that this worker cannot run. */
  readonly 'giving-back': { readonly claim: Claim; readonly because: WhyGivenBack };
  readonly 'give-back-failed': { readonly claim: Claim; readonly err: unknown };
  /** A mistake in the worker itself ended a run. */
  readonly 'run-broke': { readonly claim: Claim; readonly err: unknown };
  /** A command said, by its exit code, that this worker can run no more tasks: the worker ends. */
  readonly 'worker-unfit': { readonly claim: Claim; readonly exitCode: number };
  /** All users that tasks could have were some task's since the machine started: the worker ends. */
  readonly 'no-user-left': { readonly claim: Claim };
  /** `runAfterUserCreation` is configured, and no engine makes users for tasks. */
  readonly 'no-new-users': { readonly script: string };
  /** The program of `runAfterUserCreation` failed: the run is given back, and the worker ends. */
  readonly 'user-script-failed': { readonly claim: Claim; readonly script: string; readonly failure: string };
  readonly 'reclaim-failed': { readonly claim: Claim; readonly err: unknown };
  /** The queue has prolonged a claim, `lagMs` after its renewal was due and `leftMs` before it would have expired. */
  readonly reclaimed: { readonly claim: Claim; readonly lagMs: number; readonly leftMs: number };
  /** An artifact is stored: its bytes as they were sent, once, and how often that was tried. */
  readonly uploaded: {
    readonly claim: Claim;
    readonly name: string;
    readonly bytes: number;
    readonly tries: number;
    readonly tookMs: number;
  };
  readonly 'upload-failed': { readonly claim: Claim; readonly err: unknown };
  /** No way leads from outside to this worker, so that nobody can read a log while it is written. */
  readonly 'no-live-logs': object;
  /** The log of a run cannot be read while it is written. */
  readonly 'live-log-failed': { readonly claim: Claim; readonly err: unknown };
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
  /** An entry of a store was removed, since the disk was short of space. `description` names it. */
  readonly 'store-entry-removed': {
    readonly description: string;
    readonly folder: string;
    readonly freedBytes: number;
    /** What is free now. */
    readonly freeBytes: number;
  };
  /** The list of downloads cannot be written, or one of them cannot be removed. */
  readonly 'downloads-problem': { readonly problem: string };
  readonly 'store-entry-stays': {
    readonly description: string;
    readonly folder: string;
    readonly err: unknown;
  };
  /** There is too little disk space for another run, and nothing more to remove: the worker asks for no work. */
  readonly 'disk-short': {
    readonly folder: string;
    readonly freeBytes: number;
    readonly totalBytes: number;
    readonly requiredBytes: number;
  };
  readonly 'disk-enough': object;
  /** The system did not tell how much disk space is free. */
  readonly 'disk-unknown': { readonly err: unknown };
  /** The purge-cache service did not answer: caches are used as they are. */
  readonly 'purge-requests-failed': { readonly err: unknown };
  /** The list of caches could not be written: at its next start, a worker would not find all of them. */
  readonly 'caches-not-written-down': { readonly folder: string; readonly err: unknown };
  /** What was found in the caches' folder at the start, and is no cache that was given back in order. */
  readonly 'caches-swept': { readonly folder: string; readonly names: readonly string[] };
  /** Nothing, or one run, could be written down: its traces would stay after a sudden death. */
  readonly 'no-ledger': { readonly err: unknown };
  readonly 'not-written-down': { readonly err: unknown };
  /** What a worker that died left of a run, by the name of the run's folder. */
  readonly 'leftovers-removed': {
    readonly run: string;
    readonly processes: number;
    readonly files: readonly string[];
  };
  /** Tasks run as the worker's own user, and can decrypt what is meant for others. */
  readonly 'tasks-can-read-key': { readonly property: string; readonly file: string };
  /** The key of the chain of trust, which no task of this engine gets, is not there or is none. */
  readonly 'signing-key-unusable': { readonly problem: string };
  /** The websocktunnel was lost or did not answer: what was read through it has ended. It is tried again after `waitMs`. */
  readonly 'tunnel-lost': { readonly reason: string; readonly waitMs: number };
  readonly 'tunnel-back': object;
  readonly 'leftovers-stay': { readonly run: string; readonly err: unknown };
}

export type Incident = {
  [Type in keyof Incidents]: { readonly type: Type } & Incidents[Type];
}[keyof Incidents];

/** Takes what happens on its way to whoever listens to the worker. */
export type Tell = (news: WorkerNews) => void;
