import type { Secret } from '../../base/index.ts';
import type { Claim, Queue, RunCalls } from '../../taskcluster/index.ts';
import type { ArtifactSink } from '../artifacts/sink.ts';
import type { GeneralConfig, Property, ValuesOf } from '../properties/index.ts';
import type { ContainerPart } from '../engines/container.ts';
import type { Capability, CommandResult, Engine, Sandbox, TaskUser } from '../engines/engine.ts';
import type { Emit } from '../events.ts';
import type { Exposure } from '../exposure/index.ts';
import type { RunFolder } from '../files/run-folder.ts';
import type { Outcome } from '../outcome.ts';
import type { SchemaPart } from '../schema-part.ts';
import type { LiveSecrets } from '../secrets/live-secrets.ts';
import type { Collector, Downloads } from '../stores/index.ts';
import type { TaskLog } from '../task-log/task-log.ts';
import type { FormatName, TaskSpec } from '../task-spec.ts';

/** Configuration properties by name. */
export type Properties = Readonly<Record<string, Property>>;

/**
 * Something that a task may ask for. The module is loaded with the worker's configuration, so it must be cheap
 * to load. Import whatever is expensive in `open` or later.
 */
export interface FeatureModule<P extends Properties = Properties> {
  /** The name that messages use: `mounts`, `taskclusterProxy`. */
  readonly name: string;
  /** The feature's part of each payload format's schema. */
  readonly schema?: Partial<Record<FormatName, SchemaPart | (() => SchemaPart)>>;
  /** The feature's configuration properties. */
  readonly properties?: P | undefined;
  /** The property, if any, that forbids the feature when it is `false`. */
  readonly enabledBy?: string;
  /** Creates the part that serves the whole worker, such as a store or a server. */
  open(worker: WorkerHost<P>): WorkerFeature | Promise<WorkerFeature>;
}

/**
 * Declares a feature, so that the compiler knows its properties. The result opens with any configuration,
 * because a worker's configuration has the properties of all its features.
 */
export function feature<const P extends Properties = Record<never, never>>(
  module: FeatureModule<P> & { readonly enabledBy?: keyof P & string },
): Omit<FeatureModule, 'properties'> & { readonly properties?: P } {
  return module;
}

/** Declares what a module opens, so that the compiler knows what `ask` passes to `start`. */
export function serving<Ask>(served: WorkerFeature<Ask>): WorkerFeature {
  return served;
}

/** A worker, as its features see it. */
export interface WorkerHost<P extends Properties = Properties> {
  /** The general properties, and the feature's own. */
  readonly config: GeneralConfig & ValuesOf<P>;
  /** Calls are made with the worker's own credentials. */
  readonly queue: Pick<Queue, 'service' | 'now'>;
  /** The worker's engines. */
  readonly engines: readonly EngineView[];
  /** Returns the engine that runs tasks of a format. */
  readonly engineFor: (task: Pick<TaskSpec, 'format'>) => EngineView;
  readonly emit: Emit;
  readonly secrets: LiveSecrets;
  /** Opens the worker's store of downloads, on first use. Downloads are kept for later runs. */
  readonly downloads: () => Promise<Downloads>;
  /** Returns the server through which readers outside reach its runs. Closed after all features. */
  readonly exposure: () => Exposure;
  /** Frees disk space. A feature that keeps something for later runs adds its store. */
  readonly collector: Collector;
  readonly version: string;
}

/**
 * An engine: its name, its capabilities, the address at which its tasks reach this process, and where it keeps
 * their files.
 */
export type EngineView = Pick<Engine, 'name' | 'capabilities' | 'hostAddress' | 'dataFolder'>;

/** A feature of one worker. Disposed of when the worker ends. */
export interface WorkerFeature<Ask = unknown> extends Partial<AsyncDisposable> {
  /**
   * Returns the task's request to this feature, or undefined. Must be free of side effects: it is called for
   * every task, when nothing of the run exists except its log and its folder.
   *
   * @throws TaskError `malformed-payload` if the request cannot be understood
   */
  ask(task: TaskSpec, claim: Claim): Ask | undefined;
  /** Returns the problems of the request, one line each. Called as early as `ask`. */
  check?(ask: Ask, task: TaskSpec, claim: Claim): readonly string[] | Promise<readonly string[]>;
  /** The feature also serves refused tasks. For those, `ask` sees only the names of the logs. */
  readonly always?: true;
  /** The scopes that the task needs for its request. */
  scopes?(ask: Ask): readonly NeededScope[];
  /** Capabilities of the engine that the feature always needs. */
  readonly needs?: readonly Capability[];
  /** Capabilities that this request needs, in place of `needs`. */
  needsFor?(ask: Ask): readonly Capability[];
  /** Prepares the feature for one run, before its first command. */
  start(ask: Ask, run: RunHandle): ActiveFeature | Promise<ActiveFeature>;
}

/** A scope, or a list of scopes of which one suffices. */
export type NeededScope = string | { readonly AnyOf: readonly string[] };

/** A run, as its features see it. */
export interface RunHandle {
  readonly claim: Claim;
  readonly task: TaskSpec;
  /** The engine that runs the task. */
  readonly engine: Engine;
  /** Calls about this run. They use its newest credentials. */
  readonly calls: RunCalls;
  /**
   * The run's own user, who must own everything that is created for the task. Undefined if that is the worker's
   * user.
   */
  readonly user?: TaskUser | undefined;
  /** The run's folder, in which its commands start. */
  readonly home: RunFolder;
  readonly log: TaskLog;
  readonly artifacts: ArtifactSink;
  /** Facts about the run's environment, by name. The chain of trust certifies them, and tasks cannot set them. */
  readonly certified: Map<string, string>;
  /** Aborted when the run is stopped for any reason. */
  readonly signal: AbortSignal;
  /** Returns a path for a temporary file beside the run's folder. It is removed with the run. */
  beside(name: string): string;
  /** Hides more secrets, in every encoding, in the log of this run and in the worker's log, but in no other log. */
  hide(...secrets: readonly Secret[]): void;
  /** Stops the run as failed. `message` is the last line of its log. */
  stop(message: string): void;
}

/** A feature of one run. Disposed of when the run is over, in reverse order, even if the run was stopped half-way. */
export interface ActiveFeature extends Partial<AsyncDisposable> {
  /** Variables for the commands. A payload cannot change them. */
  readonly env?: Readonly<Record<string, string>>;
  /** The feature's contribution to the container, for engines with the capability `containers`. */
  readonly container?: ContainerPart;
  /** Called when the sandbox is ready and no command has started. `env` is the commands' environment. */
  started?(sandbox: Sandbox, env: Readonly<Record<string, string>>): void;
  /** Called when a command starts or ends. The returned lines are added to the log's summary of the command. */
  commandStarting?(index: number): void;
  commandEnded?(
    index: number,
    result: CommandResult,
  ): readonly SummaryLine[] | Promise<readonly SummaryLine[]>;
  /**
   * Called when the worker is shutting down: uploads the most important content first. `finish` uploads it again when
   * it is complete. Errors are ignored, because `finish` would report the same ones.
   */
  finishEarly?(ending: Ending): Promise<void>;
  /**
   * Called after every process of the run has ended: reads files and uploads them.
   *
   * @throws Error that makes `completed` worse, and never makes another outcome better
   */
  finish?(ending: Ending): Promise<void>;
}

/** A label and a value in the log's summary of a command. */
export type SummaryLine = readonly [label: string, value: string];

/** How the commands of a run ended. */
export interface Ending {
  /** The result that will be reported, unless a feature makes it worse. Undefined if nothing is reported. */
  readonly verdict: Outcome | undefined;
  /** Whether the run was stopped. */
  readonly stopped: boolean;
  /** The last line of the log, if there is one: why the task did not complete. */
  readonly finalMessage: string | undefined;
  /** The exit code of the last command that ended by itself. */
  readonly exitCode: number | undefined;
  /** Whether the run's caches may be used again. */
  readonly keepCaches: boolean;
  /**
   * What is uploaded: everything, only the log, or nothing. `rest` means that the worker is shutting down and the
   * task will run again: the existing artifacts of the payload are uploaded, the most important first, and nothing is
   * derived from them.
   */
  readonly uploads: 'all' | 'rest' | 'log' | 'none';
  /** Aborted when artifacts are no longer uploaded. */
  readonly signal: AbortSignal;
  /** Aborted a little later, because the log has more time than the artifacts. */
  readonly logSignal: AbortSignal;
}
