import { EMPTY, lastValueFrom, mergeMap, tap, type Observable } from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Queue } from '../queue/index.ts';
import type { Shutdown } from '../streams/index.ts';
import {
  nativeEngine,
  openLedger,
  readyTasksDir,
  removeLeftovers,
  createWorker,
  type Engine,
  type ExitReason,
  type Ledger,
  type LiveSecrets,
  type WorkerConfig,
  type WorkerParts,
} from '../worker/index.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { Failure } from './failure.ts';
import type { Logger } from './logger.ts';
import { tasksDone } from './tasks-done.ts';
import { version } from './version.ts';
import { workerLog } from './worker-log.ts';

/** What a worker has of the machine it runs on. */
interface Machine {
  readonly engine: Engine;
  /** Where what is made on it is written down; undefined where that can not be. */
  readonly ledger: Ledger | undefined;
}

export interface WorkerProcess {
  readonly config: WorkerConfig;
  /** From {@link readyMachine}. */
  readonly machine: Machine;
  readonly queue: Queue;
  readonly pulse: Pulse | undefined;
  readonly logger: Logger;
  /** What its log and those of its tasks hide. */
  readonly secrets: LiveSecrets;
  readonly shutdown$: Observable<Shutdown>;
  readonly onLog?: WorkerParts['onLog'];
  /** Told when the worker first asks for work, by notices or by polling. */
  readonly onListening?: () => void;
}

/**
 * Finds out how this machine runs tasks, and sees that it can.
 *
 * @throws Failure when it can not do what is asked for
 */
export async function readyMachine(config: WorkerConfig, logger: Logger): Promise<Machine> {
  const { tasksDir } = config;
  await assertTasksDir(tasksDir);
  // First, for to find out how tasks can be run is to make a place for one.
  const ledger = await openLedger(tasksDir, workerLog(logger));
  try {
    return { engine: await chosenEngine(config, logger), ledger };
  } catch (error) {
    ledger?.close();
    throw error;
  }
}

/** Runs a worker until it ends by itself or is told to. */
export async function workerProcess(options: WorkerProcess): Promise<ExitReason> {
  const { config, queue, pulse, logger, secrets, shutdown$, onLog, onListening } = options;
  const { engine, ledger } = options.machine;
  const { tasksDir, cleanUpTaskDirs: folders } = config;
  const tell = workerLog(logger);
  if (ledger) await removeLeftovers(ledger, { tasksDir, folders, engine, tell });
  const done = tasksDone(config, logger);
  const parts: WorkerParts = {
    config: { ...config, numberOfTasksToRun: done.remaining ?? 0 },
    queue,
    engine,
    ledger,
    secrets,
    version: version(),
    ...(onLog && { onLog }),
  };
  const news$ = createWorker(parts, pulse, shutdown$).events$.pipe(
    tap(news => {
      tell(news);
      if (news.type === 'run' && news.state.phase === 'resolved') void done.count();
      if (news.type === 'worker' && news.state.phase === 'listening') onListening?.();
    }),
  );
  const because$ = news$.pipe(
    mergeMap(news =>
      news.type === 'worker' && news.state.phase === 'stopped' ? [news.state.because] : EMPTY,
    ),
  );
  try {
    const because =
      done.remaining === undefined ? 'tasks-complete' : ((await lastValueFrom(because$)) ?? 'stopped');
    if (because === 'tasks-complete') await done.forget();
    return because;
  } finally {
    await closeMachine(options.machine, logger);
  }
}

/** Lets go of a machine on which no worker runs any more. What goes wrong is logged: it must not hide why the worker ended. */
export async function closeMachine({ engine, ledger }: Machine, logger: Logger): Promise<void> {
  try {
    await engine.close?.();
  } catch (err) {
    logger.error({ err }, 'could not end the processes that were ready for the next run; end them by hand');
  } finally {
    ledger?.close();
  }
}

/** What `tcw run` exits with. */
export const EXIT_CODE_OF: Readonly<Record<ExitReason, number>> = {
  'tasks-complete': EXIT_CODES.tasksComplete.code,
  idle: EXIT_CODES.idleTimeout.code,
  stopped: EXIT_CODES.workerStopped.code,
  shutdown: EXIT_CODES.workerShutdown.code,
  'out-of-service': EXIT_CODES.internalError.code,
};

async function chosenEngine(config: WorkerConfig, logger: Logger): Promise<Engine> {
  const { containment, maxTaskProcesses: maxProcesses } = config;
  try {
    const engine = await nativeEngine({
      containment,
      ahead: true,
      ...(maxProcesses > 0 && { maxProcesses }),
    });
    const { fallbackReason, unlimitedReason } = engine;
    if (fallbackReason !== undefined) {
      logger.warn(
        { containment: engine.containment, reason: fallbackReason },
        'no PID namespaces: a task may leave processes behind',
      );
    }
    if (unlimitedReason !== undefined) {
      logger.warn(
        { maxTaskProcesses: maxProcesses, reason: unlimitedReason },
        'no limit for the number of processes: a task may take all that the machine has',
      );
    }
    return engine;
  } catch (error) {
    throw new Failure(EXIT_CODES.invalidConfig.code, (error as Error).message);
  }
}

/** A worker without a folder for its runs must not claim anything. */
async function assertTasksDir(tasksDir: string): Promise<void> {
  try {
    await readyTasksDir(tasksDir);
  } catch (error) {
    const { message } = error as Error;
    // A path may be as long as a user likes to make it.
    const shown = JSON.stringify(tasksDir.length > 200 ? `${tasksDir.slice(0, 200)}…` : tasksDir);
    const [reason] = /^[A-Z]+: [^,]+/.exec(message) ?? [message];
    throw new Failure(
      EXIT_CODES.invalidConfig.code,
      `tasksDir: cannot use ${shown} (${reason}). Name another folder, or change its permissions.`,
    );
  }
}
