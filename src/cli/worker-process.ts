import { mkdir, rm, writeFile } from 'node:fs/promises';
import { EMPTY, lastValueFrom, mergeMap, tap, type Observable } from 'rxjs';
import type { Pulse } from '../pulse/index.ts';
import type { Queue } from '../queue/index.ts';
import type { Shutdown } from '../streams/index.ts';
import {
  nativeEngine,
  runWorker,
  type Engine,
  type ExitReason,
  type Logger,
  type WorkerConfig,
  type WorkerNews,
  type WorkerParts,
} from '../worker/index.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { version } from './version.ts';

export interface WorkerProcess {
  readonly config: WorkerConfig;
  /** From {@link readyMachine}. */
  readonly engine: Engine;
  readonly queue: Queue;
  readonly pulse: Pulse | undefined;
  readonly logger: Logger;
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
export async function readyMachine(config: WorkerConfig, logger: Logger): Promise<Engine> {
  const [engine] = await Promise.all([chosenEngine(config, logger), assertTasksDir(config.tasksDir)]);
  return engine;
}

/** Runs a worker until it ends by itself or is told to. */
export async function workerProcess(options: WorkerProcess): Promise<ExitReason> {
  const { config, engine, queue, pulse, logger, shutdown$, onLog, onListening } = options;
  const parts: WorkerParts = { config, queue, engine, logger, version: version(), ...(onLog && { onLog }) };
  const news$ = runWorker(parts, pulse, shutdown$).pipe(
    tap(news => {
      logNews(news, logger);
      if (news.type === 'worker' && news.state.phase === 'listening') onListening?.();
    }),
  );
  const because$ = news$.pipe(
    mergeMap(news =>
      news.type === 'worker' && news.state.phase === 'stopped' ? [news.state.because] : EMPTY,
    ),
  );
  return (await lastValueFrom(because$)) ?? 'stopped';
}

/** Pulse in time: a connection that may still be coming, unless the broker has refused us. */
export const EXIT_CODE_OF: Readonly<Record<ExitReason, number>> = {
  'tasks-complete': EXIT_CODES.tasksComplete.code,
  idle: EXIT_CODES.idleTimeout.code,
  stopped: EXIT_CODES.workerStopped.code,
  shutdown: EXIT_CODES.workerShutdown.code,
};

async function chosenEngine({ containment }: WorkerConfig, logger: Logger): Promise<Engine> {
  try {
    const engine = await nativeEngine({ containment });
    const { fallbackReason } = engine;
    if (fallbackReason !== undefined) {
      logger.warn(
        { containment: engine.containment, reason: fallbackReason },
        'no PID namespaces: a task may leave processes behind',
      );
    }
    return engine;
  } catch (error) {
    throw new Failure(EXIT_CODES.invalidConfig.code, (error as Error).message);
  }
}

/** Other users must not read what tasks write, and a worker without a folder must not claim anything. */
async function assertTasksDir(tasksDir: string): Promise<void> {
  try {
    await mkdir(tasksDir, { recursive: true, mode: 0o700 });
    const probe = `${tasksDir}/.tcw-can-write`;
    await writeFile(probe, '');
    await rm(probe);
  } catch (error) {
    const reason = (error as Error).message;
    throw new Failure(
      EXIT_CODES.invalidConfig.code,
      `tasksDir can not be written to (${reason}); name another, or change its rights`,
    );
  }
}

function logNews(news: WorkerNews, logger: Logger): void {
  if (news.type === 'worker') {
    logger.info({ ...news.state }, `worker ${news.state.phase}`);
    return;
  }
  const { taskId, runId } = news.claim;
  const { phase, stop } = news.state;
  if (phase === 'claimed') logger.info({ taskId, runId }, stop ? `stopping: ${stop}` : 'claimed');
  else logger.debug({ taskId, runId, phase, ...(stop && { stop }) }, 'run');
}
