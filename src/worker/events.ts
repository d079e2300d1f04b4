import type { Claim, ServiceError } from '../taskcluster/index.ts';
import type { Outcome } from './outcome.ts';
import type { RunState } from './run/run-state.ts';
import type { StopReason } from './run/stop.ts';
import type { WorkerState } from './life/worker-state.ts';

/**
 * Everything that a worker reports about itself, as it happens. The worker's log is made of these items, and
 * tests read them, too.
 */
export type WorkerEvent =
  | { readonly type: 'worker'; readonly state: WorkerState }
  | { readonly type: 'run'; readonly claim: Claim; readonly state: RunState }
  | Incident;

/** Why a claim is given back to the queue: the worker asks for nothing more, or the engine that its task needs is away. */
export type GiveBackReason = 'draining' | 'engine-away';

/** All events other than changes of state, by name, with their details. */
export interface Incidents {
  /** `claimWork` failed; the worker asks again after `waitMs`. */
  readonly 'claim-work-failed': { readonly err: unknown; readonly waitMs: number };
  /** `claimWork` succeeded after calls that had failed. */
  readonly 'claim-work-works': object;
  /** The number of pending tasks could not be read. */
  readonly 'pending-check-failed': { readonly err: unknown };
  /** The number of pending tasks was read again after such a failure. */
  readonly 'pending-check-works': object;
  /** The worker is in quarantine, until a time in ISO 8601; see asking/quarantine.ts. */
  readonly quarantined: { readonly until: string };
  readonly 'quarantine-ended': object;
  /**
   * Tasks are pending, but the queue gives none, and the worker lacks the scope to find out why. `pending` is
   * undefined if the number is unknown.
   */
  readonly starved: { readonly pending: number | undefined };
  readonly 'starved-no-more': object;
  readonly 'quarantine-unknown': { readonly err: unknown };
  /** The configuration names no broker. */
  readonly 'no-pulse': object;
  /** The broker cannot be reached. The worker keeps trying. */
  readonly 'pulse-away': { readonly reason: string };
  /** A call of a service failed and is retried after `waitMs`. */
  readonly 'queue-away': { readonly err: ServiceError; readonly waitMs: number };
  /** The queue refused the worker's credentials, and has never accepted them. The worker exits. */
  readonly 'credentials-refused': { readonly err: ServiceError };
  /** A claim could not be read. It stays claimed until it expires. */
  readonly 'claim-unreadable': { readonly problem: string };
  /** The machine does not support the best containment of processes. */
  readonly 'weak-containment': { readonly containment: string; readonly reason: string };
  readonly 'no-process-limit': { readonly maxTaskProcesses: number; readonly reason: string };
  /** Configured limits for runs that this machine cannot enforce. */
  readonly 'no-task-limits': { readonly reason: string };
  /** An engine does not answer, so the worker asks for no work. Emitted once for each absence. */
  readonly 'engine-away': { readonly engine: string; readonly reason: string };
  readonly 'engine-back': { readonly engine: string };
  /** An engine has been absent for longer than the configuration allows. The worker exits. */
  readonly 'engine-gone': { readonly engine: string; readonly awaySecs: number };
  /** Native tasks run beside containers, as a user who may use the Docker engine. Emitted at the start. */
  readonly 'tasks-can-use-docker': { readonly socket: string };
  /** The engine had prepared a place for the next run, and could not remove it. */
  readonly 'engine-stays': { readonly err: unknown };
  /** The file that names the last task could not be written. Emitted once. */
  readonly 'metadata-not-written': { readonly file: string; readonly err: unknown };
  /** The number of finished tasks could not be written to its file. */
  readonly 'tasks-not-counted': { readonly err: unknown };
  /** Why the worker cannot consume from Pulse. */
  readonly 'pulse-problem': { readonly problem: string };
  /** A claim came that this worker cannot run. */
  readonly 'giving-back': { readonly claim: Claim; readonly because: GiveBackReason };
  readonly 'give-back-failed': { readonly claim: Claim; readonly err: unknown };
  /** A bug in the worker ended a run. */
  readonly 'run-broke': { readonly claim: Claim; readonly err: unknown };
  /** A command's exit code said that this worker can run no more tasks. The worker exits. */
  readonly 'worker-unfit': { readonly claim: Claim; readonly exitCode: number };
  /** Every user id for tasks has been used since the machine started. The worker exits. */
  readonly 'no-user-left': { readonly claim: Claim };
  /** `runAfterUserCreation` is configured, but no engine creates users for tasks. */
  readonly 'no-new-users': { readonly script: string };
  /** The program of `runAfterUserCreation` failed. The run is given back, and the worker exits. */
  readonly 'user-script-failed': { readonly claim: Claim; readonly script: string; readonly failure: string };
  readonly 'reclaim-failed': { readonly claim: Claim; readonly err: unknown };
  /**
   * The queue has extended a claim, `lagMs` after the renewal was due and `leftMs` before the claim would have
   * expired.
   */
  readonly reclaimed: { readonly claim: Claim; readonly lagMs: number; readonly leftMs: number };
  /** An artifact is stored. `bytes` counts the bytes sent by the successful attempt, and `tries` the attempts. */
  readonly uploaded: {
    readonly claim: Claim;
    readonly name: string;
    readonly bytes: number;
    readonly tries: number;
    readonly tookMs: number;
  };
  readonly 'upload-failed': { readonly claim: Claim; readonly err: unknown };
  /** Nobody outside can reach this worker, so logs cannot be read while they are written. */
  readonly 'no-live-logs': object;
  /** The log of a run cannot be served while it is written. */
  readonly 'live-log-failed': { readonly claim: Claim; readonly err: unknown };
  readonly 'log-upload-failed': { readonly claim: Claim; readonly err: unknown };
  /** The queue has accepted the report. */
  readonly reported: { readonly claim: Claim; readonly outcome: Outcome };
  /** There was nothing to report: the queue had already ended the run when it was stopped. */
  readonly 'not-reported': { readonly claim: Claim; readonly stop: StopReason | undefined };
  /** The queue refused the report because the run was over. */
  readonly 'reported-too-late': { readonly claim: Claim };
  readonly 'report-failed': {
    readonly claim: Claim;
    readonly outcome: Outcome | undefined;
    readonly err: unknown;
  };
  /** Processes of a run could not be ended, so its slot is out of service. `reason` names the processes. */
  readonly 'processes-left': { readonly claim: Claim; readonly reason: string };
  /** Those processes are gone, and the slot is back in service. */
  readonly 'processes-gone': { readonly claim: Claim };
  /** A step of cleaning up failed. `what` completes the sentence "could not …". */
  readonly 'clean-up-failed': { readonly claim: Claim; readonly what: string; readonly err: unknown };
  /** An entry of a store was removed because the disk was low. `description` names it. */
  readonly 'store-entry-removed': {
    readonly description: string;
    readonly folder: string;
    readonly freedBytes: number;
    /** The free space after the removal. */
    readonly freeBytes: number;
  };
  /** The list of downloads cannot be written, or a download cannot be removed. */
  readonly 'downloads-problem': { readonly problem: string };
  readonly 'store-entry-stays': {
    readonly description: string;
    readonly folder: string;
    readonly err: unknown;
  };
  /** There is too little disk space for another run, and nothing left to remove. The worker asks for no work. */
  readonly 'disk-short': {
    readonly folder: string;
    readonly freeBytes: number;
    readonly totalBytes: number;
    readonly requiredBytes: number;
  };
  readonly 'disk-enough': object;
  /** The free disk space could not be determined. */
  readonly 'disk-unknown': { readonly err: unknown };
  /** The purge-cache service did not answer. Caches are used as they are. */
  readonly 'purge-requests-failed': { readonly err: unknown };
  /** The list of caches could not be written, so the next start will not find all of them. */
  readonly 'caches-not-written-down': { readonly folder: string; readonly err: unknown };
  /** Entries in the caches' folder at the start that are not caches in good order. */
  readonly 'caches-swept': { readonly folder: string; readonly names: readonly string[] };
  /** The ledger could not be opened, or the entry of one run not written: after a crash, leftovers would stay. */
  readonly 'no-ledger': { readonly err: unknown };
  readonly 'not-written-down': { readonly err: unknown };
  /** Leftovers of a crashed worker's run were removed. `run` is the name of the run's folder. */
  readonly 'leftovers-removed': {
    readonly run: string;
    readonly processes: number;
    readonly files: readonly string[];
  };
  /** Tasks run as the worker's own user, so they can decrypt secrets that are meant for other tasks. */
  readonly 'tasks-can-read-key': { readonly property: string; readonly file: string };
  /** The signing key of the chain of trust is missing or invalid. Tasks of this engine could not use it anyway. */
  readonly 'signing-key-unusable': { readonly problem: string };
  /**
   * The connection to the websocktunnel was lost, which ended all transfers through it. It is retried after
   * `waitMs`.
   */
  readonly 'tunnel-lost': { readonly reason: string; readonly waitMs: number };
  readonly 'tunnel-back': object;
  readonly 'leftovers-stay': { readonly run: string; readonly err: unknown };
}

export type Incident = {
  [Type in keyof Incidents]: { readonly type: Type } & Incidents[Type];
}[keyof Incidents];

/** Passes an item to everybody who observes the worker. */
export type Emit = (event: WorkerEvent) => void;
