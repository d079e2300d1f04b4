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

/** A run whose commands can be run. */
export interface PreparedRun {
  readonly task: TaskSpec;
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
  readonly log: TaskLog;
}

/** One run while it is here: its state, and what it holds that has to be given back. */
export class ActiveRun {
  readonly claim: Claim;
  readonly worker: WorkerContext;
  readonly calls: RunCalls;
  readonly startedAt = performance.now();
  /** The run's folder; its log and its temporary files lie beside it and begin with the same name. */
  readonly folder: string;
  /** Set by `prepare`, as far as it got. */
  entry: Entry | undefined;
  home: RunFolder | undefined;
  log: TaskLog | undefined;
  /** The run's own user, where the engine makes one. */
  user: TaskUser | undefined;
  sandbox: Sandbox | undefined;
  /** Of the last command that ended by itself. */
  exitCode: number | undefined;
  readonly features = new ActiveFeatures();
  readonly artifacts: ArtifactSink;
  /** What its log hides. */
  readonly secrets: RunSecrets;
  /** What features know of where the commands run, for the chain of trust. */
  readonly certified = new Map<string, string>();
  /** Paths beside the run's folder that features may have made something at. */
  readonly temporary = new Set<string>();
  /** Why some processes of the run could not be ended, while that is so. */
  processesLeft: Error | undefined;
  /** Renewals of the claim that have no answer yet: the queue may have granted them. */
  readonly renewals = new Set<Promise<Lease>>();
  /** Whether the queue granted a renewal after the claim was given up: it waits for this run again. */
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
        worker.tell({ type: 'uploaded', claim, ...uploaded });
      },
    });
    this.#hide(claim.lease);
  }

  /** The present state first; completes when the run has ended. */
  get state$(): Observable<RunState> {
    return this.#state$.asObservable();
  }

  get state(): RunState {
    return this.#state$.value;
  }

  /** Where a log may lie: a tasks folder that cannot be written must not cost the task its log too. */
  get logFolders(): readonly string[] {
    return [this.worker.config.tasksDir, tmpdir()];
  }

  /** The name of the run's folder, with which all its files begin. */
  get name(): string {
    return runName(this.claim);
  }

  get logName(): string {
    return `${this.name}.log`;
  }

  /** Aborted when the run is stopped, for whatever reason. */
  get stopped(): AbortSignal {
    return this.#stopped.signal;
  }

  /** Aborted when no more artifacts are uploaded: for the reason why the run was stopped, or for lack of time. */
  get uploadsStopped(): AbortSignal {
    return this.#uploadsStopped.signal;
  }

  /** What the stop reason decides; undefined while there is none. */
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
    if (this.rule && !this.stopped.aborted) this.#obey(this.rule);
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
   * Only the first reason counts, and none once the run is being resolved.
   *
   * @param message ends the log, in place of what is usual for the reason
   */
  stop(reason: StopReason, message?: string): void {
    const before = this.state.stop;
    // The log's last line is known before anybody hears of the stop.
    if (!before) this.#stopMessage = message;
    this.dispatch({ type: 'stop', reason });
    if (!this.state.stop) this.#stopMessage = undefined;
  }

  /** The path for something temporary beside the run's folder, which is removed with it. */
  beside(name: string): string {
    const path = `${this.folder}.${name}`;
    this.temporary.add(path);
    return path;
  }

  /** The worker has no more time for the uploads of this run: what is not uploaded by now gives way to the report. */
  hurry(): void {
    this.dispatch({ type: 'hurry' });
    this.stopUploads();
  }

  /** Gives up the artifacts that are not uploaded by now. */
  stopUploads(): void {
    this.#uploadsStopped.abort(new Error('the worker has to go'));
  }

  /** Ends whatever is left of the run's processes. What cannot be ended is in {@link ActiveRun.processesLeft}. */
  async endProcesses(): Promise<void> {
    try {
      await this.sandbox?.close();
      this.processesLeft = undefined;
    } catch (error) {
      this.processesLeft = error instanceof Error ? error : new Error(String(error));
    }
  }

  /** No log of this worker shows the credentials of a run. Nobody is given what is granted after its end. */
  #hide({ credentials }: Lease): void {
    if (this.state.phase === 'resolved') return;
    this.#forgetCredentials();
    this.#forgetCredentials = this.worker.secrets.addAllOf({ ...credentials });
  }

  #obey({ message, artifacts }: StopRule): void {
    this.#stopped.abort(new Error(message));
    if (artifacts === 'log' || artifacts === 'none') this.#uploadsStopped.abort(this.stopped.reason);
  }

  /** How the run is reported, seen from now: a stop reason overrules what the commands did. */
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

/** Task ids come from outside, and this one becomes a path: only what a slug id may hold is let through. */
function runName({ taskId, runId }: Claim): string {
  if (!/^[\w-]{22}$/.test(taskId)) throw new Error(`not a task id: ${JSON.stringify(taskId)}`);
  return `task_${taskId}_${runId}`;
}
