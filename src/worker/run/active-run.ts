import { tmpdir } from 'node:os';
import { BehaviorSubject, type Observable } from 'rxjs';
import type { Claim, Lease, RunCalls } from '../../taskcluster/index.ts';
import type { WorkerContext } from '../life/context.ts';
import type { Sandbox, TaskUser } from '../engines/engine.ts';
import { runArtifacts } from '../artifacts/run-artifacts.ts';
import type { ArtifactSink } from '../artifacts/sink.ts';
import type { RunFolder } from '../files/run-folder.ts';
import type { Entry } from '../ledger/index.ts';
import type { Outcome } from '../outcome.ts';
import type { RunSecrets } from '../secrets/run-secrets.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { TaskSpec } from '../task-spec.ts';
import { ActiveFeatures } from './active-features.ts';
import { CLAIMED, nextRunState, type RunEvent, type RunState } from './run-state.ts';
import { STOP_RULES, type StopReason, type StopRule } from './stop.ts';

/** A run that is ready for its commands. */
export interface PreparedRun {
  readonly task: TaskSpec;
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
  readonly log: TaskLog;
}

/** One run in progress: its state, and the resources that it has to release. */
export class ActiveRun {
  readonly claim: Claim;
  readonly worker: WorkerContext;
  readonly calls: RunCalls;
  readonly startedAt = performance.now();
  /** The run's folder. Its log and temporary files are beside it, and their names begin with the folder's name. */
  readonly folder: string;
  /** Set by `prepare`, as far as it got. */
  entry: Entry | undefined;
  home: RunFolder | undefined;
  log: TaskLog | undefined;
  /** The run's own user, if the engine creates one. */
  user: TaskUser | undefined;
  sandbox: Sandbox | undefined;
  /** The exit code of the last command that ended by itself. */
  exitCode: number | undefined;
  readonly features = new ActiveFeatures();
  readonly artifacts: ArtifactSink;
  /** Secrets that the run's log hides. */
  readonly secrets: RunSecrets;
  /** Facts about the run's environment for the chain of trust, contributed by features. */
  readonly certified = new Map<string, string>();
  /** Paths beside the run's folder at which features may have created something. */
  readonly temporary = new Set<string>();
  /** Why some processes of the run could not be ended. Undefined if there are none. */
  processesLeft: Error | undefined;
  /** Renewals of the claim without an answer so far. The queue may have granted them. */
  readonly renewals = new Set<Promise<Lease>>();
  /** Whether the queue granted a renewal after the claim was given up. It then waits for this run again. */
  renewedLate = false;

  readonly #state$ = new BehaviorSubject<RunState>(CLAIMED);
  readonly #stopped = new AbortController();
  readonly #uploadsStopped = new AbortController();
  #forgetCredentials: () => void = () => undefined;
  #stopMessage: string | undefined;

  constructor(claim: Claim, worker: WorkerContext) {
    this.claim = claim;
    this.worker = worker;
    this.calls = worker.queue.forRun(claim);
    this.secrets = worker.secrets.forRun();
    this.folder = `${worker.config.tasksDir}/${runName(claim)}`;
    this.artifacts = runArtifacts({
      calls: this.calls,
      expires: claim.task.expires ?? claim.task.deadline,
      beside: this.folder,
      storage: worker.config.createObjectArtifacts ? 'object' : 's3',
      onUploaded: uploaded => {
        worker.emit({ type: 'uploaded', claim, ...uploaded });
      },
    });
    this.#hide(claim.lease);
  }

  /** Emits the present state first, and completes when the run has ended. */
  get state$(): Observable<RunState> {
    return this.#state$.asObservable();
  }

  get state(): RunState {
    return this.#state$.value;
  }

  /** Folders for the log. If the tasks folder is not writable, the task still gets a log. */
  get logFolders(): readonly string[] {
    return [this.worker.config.tasksDir, tmpdir()];
  }

  /** The name of the run's folder. The names of all the run's files begin with it. */
  get name(): string {
    return runName(this.claim);
  }

  get logName(): string {
    return `${this.name}.log`;
  }

  /** Aborted when the run is stopped for any reason. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Aborted when artifacts are no longer uploaded, because the run was stopped or the time is up. */
  get uploadsStopped(): AbortSignal {
    return this.#uploadsStopped.signal;
  }

  /** The consequences of the stop reason. Undefined while the run is not stopped. */
  get rule(): StopRule | undefined {
    const rule = this.state.stop && STOP_RULES[this.state.stop];
    return rule && this.#stopMessage !== undefined ? { ...rule, message: this.#stopMessage } : rule;
  }

  dispatch(event: RunEvent): void {
    const next = nextRunState(this.state, event);
    if (next === this.state) return;
    this.#state$.next(next);
    if (next.phase === 'resolved') {
      this.#state$.complete();
      this.#forgetCredentials();
      this.secrets.forget();
    }
    if (this.rule && !this.stopped.aborted) this.#applyStop(this.rule);
  }

  /** Renews the claim. */
  async renew(): Promise<Lease> {
    const renewal = this.calls.reclaim();
    this.renewals.add(renewal);
    try {
      const lease = await renewal;
      this.#hide(lease);
      if (this.state.stop === 'claim-lost') this.renewedLate = true;
      return lease;
    } finally {
      this.renewals.delete(renewal);
    }
  }

  /**
   * Stops the run. Only the first reason counts, and none after the run has begun to resolve.
   *
   * @param message the last line of the log, instead of the usual one for the reason
   */
  stop(reason: StopReason, message?: string): void {
    const before = this.state.stop;
    // The log's last line must be known before anybody sees the stop.
    if (!before) this.#stopMessage = message;
    this.dispatch({ type: 'stop', reason });
    if (!this.state.stop) this.#stopMessage = undefined;
  }

  /** Returns a path for a temporary file beside the run's folder. It is removed with the run. */
  beside(name: string): string {
    const path = `${this.folder}.${name}`;
    this.temporary.add(path);
    return path;
  }

  /** Ends the run's uploads, so that the report can still be made before the worker has to exit. */
  cutOffUploads(): void {
    this.dispatch({ type: 'cutoff' });
    this.stopUploads();
  }

  /** Aborts the uploads of artifacts that are not complete. */
  stopUploads(): void {
    this.#uploadsStopped.abort(new Error('the worker is shutting down'));
  }

  /** Ends all remaining processes of the run. If some cannot be ended, {@link ActiveRun.processesLeft} says so. */
  async endProcesses(): Promise<void> {
    try {
      await this.sandbox?.close();
      this.processesLeft = undefined;
    } catch (error) {
      this.processesLeft = error instanceof Error ? error : new Error(String(error));
    }
  }

  /**
   * Every log of this worker hides the credentials of its runs. Credentials that arrive after the end of the
   * run are not used.
   */
  #hide({ credentials }: Lease): void {
    if (this.state.phase === 'resolved') return;
    this.#forgetCredentials();
    this.#forgetCredentials = this.worker.secrets.addAllOf({ ...credentials });
  }

  #applyStop({ message, artifacts }: StopRule): void {
    this.#stopped.abort(new Error(message));
    if (artifacts === 'log' || artifacts === 'none') this.#uploadsStopped.abort(this.stopped.reason);
  }

  /** Returns the result to report at this moment. A stop reason overrules the result of the commands. */
  verdict(outcome: Outcome): Outcome | undefined {
    switch (this.rule?.report) {
      case undefined:
        return outcome;
      case 'nothing':
        return undefined;
      case 'failed':
        return { result: 'failed', message: this.rule?.message ?? '' };
      case 'worker-shutdown':
        return { result: 'exception', reason: 'worker-shutdown', message: this.rule?.message ?? '' };
    }
  }
}

/**
 * Task ids come from outside, and this one becomes part of a path, so only the characters of a slug id are
 * accepted.
 */
function runName({ taskId, runId }: Claim): string {
  if (!/^[\w-]{22}$/.test(taskId)) throw new Error(`not a task id: ${JSON.stringify(taskId)}`);
  return `task_${taskId}_${runId}`;
}
