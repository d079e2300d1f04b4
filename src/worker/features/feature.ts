import type { Secret } from '../../base/index.ts';
import type { Claim, Queue, RunCalls } from '../../taskcluster/index.ts';
import type { ArtifactSink } from '../artifacts/sink.ts';
import type { GeneralConfig, Property, ValuesOf } from '../properties/index.ts';
import type { ContainerPart } from '../engines/container.ts';
import type { Capability, CommandResult, Engine, Sandbox, TaskUser } from '../engines/engine.ts';
import type { Tell } from '../events.ts';
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
 * Something that a task may ask for. A module is loaded with the worker's configuration and is cheap: what is expensive is
 * imported in `open`, or later.
 */
export interface FeatureModule<P extends Properties = Properties> {
  /** As messages name it: `mounts`, `taskclusterProxy`. */
  readonly name: string;
  /** Its part of each payload format's schema. */
  readonly schema?: Partial<Record<FormatName, SchemaPart | (() => SchemaPart)>>;
  /** Its configuration properties. */
  readonly properties?: P;
  /** The property, if any, with which a pool forbids the feature (`false`). */
  readonly enabledBy?: string;
  /** Makes what serves a whole worker: its store, its server. */
  open(worker: WorkerHost<P>): WorkerFeature | Promise<WorkerFeature>;
}

/**
 * Writes a module down, so that the compiler knows its properties. What comes out opens with any configuration, as far as the
 * compiler can tell: a worker's has the properties of all its features.
 */
export function feature<const P extends Properties = Record<never, never>>(
  module: FeatureModule<P> & { readonly enabledBy?: keyof P & string },
): Omit<FeatureModule, 'properties'> & { readonly properties?: P } {
  return module;
}

/** Writes down what a module opens, so that the compiler knows what `ask` hands to `start`. */
export function serving<Ask>(served: WorkerFeature<Ask>): WorkerFeature {
  return served;
}

/** A worker, as its features see it. */
export interface WorkerHost<P extends Properties = Properties> {
  /** The general properties, and the feature's own. */
  readonly config: GeneralConfig & ValuesOf<P>;
  /** Called with the worker's own credentials. */
  readonly queue: Pick<Queue, 'service' | 'now'>;
  /** What runs its tasks. */
  readonly engines: readonly EngineView[];
  /** What runs the tasks of a format. */
  readonly engineFor: (task: Pick<TaskSpec, 'format'>) => EngineView;
  readonly tell: Tell;
  readonly secrets: LiveSecrets;
  /** What tasks download, kept for later runs: opened when it is first asked for. */
  readonly downloads: () => Promise<Downloads>;
  /** How its runs are reached from outside. Closed after all features. */
  readonly exposure: () => Exposure;
  /** Frees disk. A feature that keeps something for later runs adds its store. */
  readonly collector: Collector;
  readonly version: string;
}

/** An engine: its name, what it can do, the address at which its tasks reach this process, and where it keeps what they write. */
export type EngineView = Pick<Engine, 'name' | 'capabilities' | 'hostAddress' | 'dataFolder'>;

/** A feature of one worker. Disposed of when the worker ends. */
export interface WorkerFeature<Ask = unknown> extends Partial<AsyncDisposable> {
  /**
   * What the task asks for of this feature; undefined for nothing. Does nothing else: it is called before anything of a run
   * exists but its log and its folder, for every task.
   *
   * @throws TaskError `malformed-payload` where it cannot even be told what is asked for
   */
  ask(task: TaskSpec, claim: Claim): Ask | undefined;
  /** What is wrong with what is asked for, a line for each problem. Called as early as `ask`. */
  check?(ask: Ask, task: TaskSpec, claim: Claim): readonly string[] | Promise<readonly string[]>;
  /** Whether it also serves tasks that are refused: it is asked with nothing but the names of the logs. */
  readonly always?: true;
  /** The scopes that a task needs for it. */
  scopes?(ask: Ask): readonly NeededScope[];
  /** What the engine has to be able to do. */
  readonly needs?: readonly Capability[];
  /** The same, where it depends on what is asked for. */
  needsFor?(ask: Ask): readonly Capability[];
  /** Makes it ready for one run, before its first command. */
  start(ask: Ask, run: RunHandle): ActiveFeature | Promise<ActiveFeature>;
}

/** A scope, or several of which one is enough. */
export type NeededScope = string | { readonly AnyOf: readonly string[] };

/** A run, as its features see it. */
export interface RunHandle {
  readonly claim: Claim;
  readonly task: TaskSpec;
  /** What runs the task. */
  readonly engine: Engine;
  /** Calls about the run, made with its newest credentials. */
  readonly calls: RunCalls;
  /** The run's own user, to whom what is made for the task has to be given; undefined where that is the worker's. */
  readonly user?: TaskUser | undefined;
  /** The run's own folder, in which its commands start. */
  readonly home: RunFolder;
  readonly log: TaskLog;
  readonly artifacts: ArtifactSink;
  /** What the worker knows of where the commands run, by name: the chain of trust certifies it, and no task can say it. */
  readonly certified: Map<string, string>;
  /** Aborted when the run is stopped, for whatever reason. */
  readonly signal: AbortSignal;
  /** Makes the path of a file beside the run's folder, for something temporary. It is removed with the run. */
  beside(name: string): string;
  /** Hides more texts, and all their spellings, in the log of this run and in that of the worker, but in no other. */
  hide(...secrets: readonly Secret[]): void;
  /** Stops the run as failed. `message` ends its log. */
  stop(message: string): void;
}

/** A feature of one run. Disposed of when the run is over, in reverse order, also after a stop half-way. */
export interface ActiveFeature extends Partial<AsyncDisposable> {
  /** Variables for the commands, which a payload cannot change. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the container is made of, for an engine with the capability `containers`. */
  readonly container?: ContainerPart;
  /** The sandbox is there, and no command has begun. `env` is what commands are going to have. */
  started?(sandbox: Sandbox, env: Readonly<Record<string, string>>): void;
  /** A command has begun, or ended. What is returned is added to what the log says of the command that ended. */
  commandStarting?(index: number): void;
  commandEnded?(
    index: number,
    result: CommandResult,
  ): readonly SummaryLine[] | Promise<readonly SummaryLine[]>;
  /**
   * The machine goes: uploads first what matters most, which `finish` uploads once more when it is complete. Errors are told
   * nobody, since `finish` has the same ones.
   */
  finishEarly?(ending: Ending): Promise<void>;
  /**
   * Every process of the run is dead: read files, upload.
   *
   * @throws Error which makes `completed` worse, and no other outcome better
   */
  finish?(ending: Ending): Promise<void>;
}

/** A label and a value, in the log's summary of a command. */
export type SummaryLine = readonly [label: string, value: string];

/** How the commands of a run ended. */
export interface Ending {
  /** As it is going to be reported, unless a feature makes it worse; undefined where nothing is reported. */
  readonly verdict: Outcome | undefined;
  /** Whether the run was stopped. */
  readonly stopped: boolean;
  /** What the log says last, where there is something to say: why the task did not complete. */
  readonly lastWords: string | undefined;
  /** Of the last command that ended by itself. */
  readonly exitCode: number | undefined;
  /** Whether the run's caches may be used again. */
  readonly keepCaches: boolean;
  /**
   * What is uploaded: everything, only the log, or nothing. With `rest` the machine goes, and the task runs again: what exists of
   * the payload's artifacts is uploaded, the most important first, and nothing is made of them.
   */
  readonly uploads: 'all' | 'rest' | 'log' | 'none';
  /** Aborted when artifacts are no longer uploaded. */
  readonly signal: AbortSignal;
  /** The log has a little more time than the artifacts. */
  readonly logSignal: AbortSignal;
}
