import { NEVER, ReplaySubject, Subject, type Observable, type Subscription } from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Shutdown } from '../streams/index.ts';
import { connectQueue, type Credentials, type Queue, type ServiceError } from '../taskcluster/index.ts';
import type { WorkerConfig } from './config/index.ts';
import { connectPulse } from './asking/connect-pulse.ts';
import type { WorkerParts } from './life/context.ts';
import type { Engine } from './engines/engine.ts';
import type { Engines } from './engines/engines.ts';
import type { Emit, WorkerEvent } from './events.ts';
import { FEATURES, openFeatures, type FeatureModule, type OpenFeatures } from './features/index.ts';
import { removeLeftovers } from './ledger/index.ts';
import { closeMachine, prepareMachine, type Machine } from './life/machine.ts';
import { formatsTaken } from './engine-names.ts';
import type { IsNeeded } from './life/needed.ts';
import { payloadsOfWorker } from './payload-schema.ts';
import type { Payloads } from './payloads/index.ts';
import { LiveSecrets } from './secrets/live-secrets.ts';
import { snapshots, type WorkerSnapshot } from './snapshot.ts';
import { diskCollector, type DiskCollector, type KeptInStore } from './stores/index.ts';
import { CredentialsRefused, StartError } from './start-error.ts';
import { tasksDone } from './life/tasks-done.ts';
import type { ExitReason } from './life/worker-state.ts';
import { createWorker } from './worker.ts';

/** Options of {@link startWorker}. */
export interface WorkerOptions {
  readonly config: WorkerConfig;
  /** Printed at the top of each task's log. */
  readonly version: string;
  /** The connection to Pulse. By default, the worker connects to the broker in its configuration, if there is one. */
  readonly pulse?: Pulse | undefined;
  /**
   * Returns the worker's present credentials, if they change during its life. By default, those of the
   * configuration.
   */
  readonly credentials?: (() => Credentials) | undefined;
  /** Emits new credentials, so that every log hides them from then on. */
  readonly credentials$?: Observable<Credentials>;
  /**
   * Called when the worker is idle, and periodically. The worker exits when it returns `false`. It must settle
   * when aborted.
   */
  readonly isNeeded?: IsNeeded | undefined;
  /** Replaces the queue at the configuration's `rootURL`. */
  readonly queue?: Queue;
  /** Replaces the configured engines. The worker closes these engines when it ends. */
  readonly engines?: readonly Engine[];
  /** The features that tasks may use. By default, all of tcw's own. */
  readonly features?: readonly FeatureModule[];
  /** Secrets that logs hide. The worker adds its own and those of its runs. */
  readonly secrets?: LiveSecrets;
  /** Receives each chunk of each task's log as it is written. */
  readonly onLog?: WorkerParts['onLog'];
  /** Spreads the requests of a fleet over time. By default `Math.random`. */
  readonly random?: () => number;
}

/** A started worker. */
export interface RunningWorker {
  /**
   * Everything that the worker does. Items before the subscription are not repeated. Completes when the worker
   * ends.
   */
  readonly events$: Observable<WorkerEvent>;
  /** Returns the worker's present state. */
  snapshot(): WorkerSnapshot;
  /** Returns the caches, downloads and images that no run uses at the moment, with their sizes. */
  stores(): readonly KeptInStore[];
  /**
   * Makes the worker exit. `finish`: when its runs are done. `now`: at once, within `shutdownGraceSecs`.
   * `force`: within two seconds, even if work is unfinished. A later call may ask for a quicker exit.
   *
   * @param graceMs replaces `shutdownGraceSecs`, in ms; 0 for no limit
   */
  drain(how: Shutdown, graceMs?: number): void;
  /**
   * Resolves with the reason when the worker has ended and nothing of it is left.
   *
   * @throws StartError, CredentialsRefused
   */
  readonly done: Promise<ExitReason>;
}

/** Time limit for closing Pulse at the end, in ms. By then the worker holds no message. */
const CLOSE_PULSE_MS = 500;
const MEGABYTE = 1024 ** 2;
/** Incidents after which this machine cannot run any more tasks. */
const ENDS_THE_WORKER: ReadonlySet<WorkerEvent['type']> = new Set([
  'worker-unfit',
  'no-user-left',
  'engine-gone',
  'user-script-failed',
]);

/** Starts a worker. It checks the machine, removes leftovers of an earlier worker, and asks for work. */
export function startWorker(options: WorkerOptions): RunningWorker {
  const { config, secrets = new LiveSecrets() } = options;
  secrets.addAllOf(config);
  const replacements = hideReplacements(options.credentials$, secrets);
  const events$ = new Subject<WorkerEvent>();
  const shutdown$ = new ReplaySubject<Shutdown>();
  const watched = snapshots(config.capacity);
  const emit: Emit = event => {
    watched.see(event);
    events$.next(event);
  };
  let graceMs = config.shutdownGraceSecs * 1_000;
  const drain = (how: Shutdown, withinMs = graceMs) => {
    graceMs = withinMs;
    shutdown$.next(how);
  };
  const requiredBytes = config.requiredDiskSpaceMegabytes * MEGABYTE;
  const collector = diskCollector({ tasksDir: config.tasksDir, requiredBytes, emit });
  const done = lived({ ...options, secrets }, collector, emit, shutdown$, () => graceMs).finally(() => {
    replacements.unsubscribe();
    events$.complete();
  });
  done.catch(() => undefined);
  return {
    events$: events$.asObservable(),
    snapshot: () => watched.present(),
    stores: () => collector.kept(),
    drain,
    done,
  };
}

/** The queue accepts replaced credentials until they expire, so logs still hide them for a while. */
function hideReplacements(credentials$: Observable<Credentials> = NEVER, secrets: LiveSecrets): Subscription {
  let forget: () => void = () => undefined;
  return credentials$.subscribe(credentials => {
    forget();
    forget = secrets.addAllOf(credentials);
  });
}

/** Runs a worker from start to end. Closes everything that it opens, in reverse order. */
async function lived(
  options: WorkerOptions & { readonly secrets: LiveSecrets },
  collector: DiskCollector,
  emit: Emit,
  shutdown$: ReplaySubject<Shutdown>,
  graceMs: () => number,
): Promise<ExitReason> {
  const { config, version, secrets, onLog, random } = options;
  let refusal: ServiceError | undefined;
  const queue =
    options.queue ??
    queueOf(options, emit, error => {
      refusal = error;
      emit({ type: 'credentials-refused', err: error });
      shutdown$.next('finish');
    });
  await using life = new AsyncDisposableStack();
  // Prepares the machine while connecting to the broker. If one of the two fails, the other is closed as well.
  const { tasksDir, cleanUpTaskDirs: folders } = config;
  const [pulse, machine] = await opened(life, options, collector, emit);
  const { engines, ledger } = machine;
  if (ledger) await removeLeftovers(ledger, { tasksDir, folders, engines: engines.all, emit });
  const payloads = payloadsFor(engines, options);
  const features = life.use(await featuresOf(options, machine, queue, collector, emit));
  const done = tasksDone(config, err => {
    emit({ type: 'tasks-not-counted', err });
  });
  if (done.remaining === undefined) {
    await done.forget();
    return 'tasks-complete';
  }
  const parts: WorkerParts = {
    config: { ...config, numberOfTasksToRun: done.remaining },
    queue,
    engines,
    ledger,
    secrets,
    version,
    features: features.all,
    collector,
    payloads,
    isNeeded: options.isNeeded,
    graceMs,
    ...(onLog && { onLog }),
    ...(random && { random }),
  };
  let because = 'stopped' as ExitReason;
  let isUnusable = false;
  await createWorker(parts, pulse, shutdown$).events$.forEach(event => {
    if (event.type === 'run' && event.state.phase === 'resolved') void done.count();
    if (event.type === 'worker' && event.state.phase === 'stopped') because = event.state.because ?? because;
    emit(event);
    if (ENDS_THE_WORKER.has(event.type)) {
      isUnusable = true;
      shutdown$.next('finish');
    }
  });
  if (isUnusable) because = 'out-of-service';
  if (refusal) throw new CredentialsRefused(refusal);
  if (because === 'tasks-complete') await done.forget();
  return because;
}

async function opened(
  life: AsyncDisposableStack,
  { config, pulse: given, engines, secrets }: WorkerOptions & { readonly secrets: LiveSecrets },
  collector: DiskCollector,
  emit: Emit,
): Promise<[Pulse | undefined, Machine]> {
  const connecting = given ? Promise.resolve(given) : connectPulse(config, emit);
  const preparing = prepareMachine({ config, emit, secrets, collector }, engines);
  const [connected, ready] = await Promise.allSettled([connecting, preparing]);
  if (!given && connected.status === 'fulfilled') life.defer(() => connected.value?.close(CLOSE_PULSE_MS));
  if (ready.status === 'fulfilled') life.defer(() => closeMachine(ready.value, emit));
  return [await connecting, await preparing];
}

/** @throws StartError when a format is configured wrongly, or two features claim the same payload property */
export function payloadsFor(
  { formats }: Engines,
  { config, features = FEATURES }: Pick<WorkerOptions, 'config' | 'features'>,
): Payloads {
  try {
    return payloadsOfWorker(formatsTaken(formats, config), features, config);
  } catch (error) {
    throw new StartError((error as Error).message, { cause: error });
  }
}

function queueOf(
  { config, credentials = () => config }: WorkerOptions,
  emit: Emit,
  onRefused: (error: ServiceError) => void,
): Queue {
  return connectQueue({
    rootUrl: config.rootURL,
    credentials,
    taskQueueId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
    onRetry: (err, waitMs) => {
      emit({ type: 'queue-away', err, waitMs });
    },
    onUnreadable: problem => {
      emit({ type: 'claim-unreadable', problem });
    },
    onRefused,
  });
}

export async function featuresOf(
  {
    config,
    features = FEATURES,
    version,
    secrets,
  }: Pick<WorkerOptions, 'config' | 'features' | 'version'> & { readonly secrets: LiveSecrets },
  { engines }: Pick<Machine, 'engines'>,
  queue: Queue,
  collector: DiskCollector,
  emit: Emit,
): Promise<OpenFeatures> {
  try {
    return await openFeatures(features, {
      config,
      queue,
      engines: engines.all,
      engineFor: task => engines.for(task),
      emit,
      secrets,
      collector,
      version,
    });
  } catch (error) {
    throw new StartError((error as Error).message, { cause: error });
  }
}
