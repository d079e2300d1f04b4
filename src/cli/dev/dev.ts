import { join } from 'node:path';
import { ReplaySubject } from 'rxjs';
import { shutdownSignals, type Shutdown } from '../../streams/index.ts';
import { configDefaults, featuresOfOneSession, startWorker, type WorkerConfig } from '../../worker/index.ts';
import { artifactFolder } from '../artifacts/save-artifact.ts';
import type { CommandIo, DevCommand, DevOptions } from '../commands.ts';
import { distinctTasks } from '../task-files/distinct-tasks.ts';
import { allCompleted, endingLines, type Ending } from '../task-files/endings.ts';
import { readTasks, type NewTask } from '../task-files/read-tasks.ts';
import { devAccounts, devPool } from './accounts.ts';
import { devBroker } from './broker.ts';
import { createAndFollow } from './create.ts';
import { devDiskMegabytes } from './disk.ts';
import { devEngine } from './engine.ts';
import { devHome, removeDeadHomes } from './home.ts';
import { keepArtifacts } from './keep-artifacts.ts';
import { devQueue } from './queue.ts';
import { runsOf } from './runs.ts';
import { exportLines, invitation, logWriter } from './terminal.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { version } from '../words/version.ts';
import { EXIT_CODE_OF, workerFailure } from '../run/worker-failure.ts';
import { workerLog } from '../run/worker-log.ts';

/** `tcw dev`: a queue, a broker and one worker in this process, for developers of tasks. */
export const dev: DevCommand = async (options, io) => {
  const { exitCode, closing } = await session(options, io);
  io.stdout.write(closing);
  return exitCode;
};

interface Ended {
  readonly exitCode: number;
  /** The text that is printed last. */
  readonly closing: string;
}

async function session(options: DevOptions, io: CommandIo): Promise<Ended> {
  const { logger, secrets, stdout } = io;
  const { defaultTask, once, worker: chosen } = options;
  const files = options.tasks.length === 0 && defaultTask !== undefined ? [defaultTask] : options.tasks;
  const pool = devPool((chosen.pulseUrl ?? options.queuePulseUrl) !== undefined);
  const { taskQueueId } = pool;
  const filling = { taskQueueId, createdBy: 'tcw dev', schedulerId: 'tcw-dev', now: new Date() };
  const tasks = distinctTasks((await Promise.all(files.map(file => readTasks(file, filling)))).flat());
  const folder = options.artifacts === undefined ? undefined : await artifactFolder(options.artifacts);
  const accounts = devAccounts(pool);
  secrets.add(options.queuePulseUrl, ...Object.values(accounts).map(({ accessToken }) => accessToken));

  const undo: (() => Promise<unknown>)[] = [];
  try {
    const broker = await devBroker({ workers: chosen.pulseUrl, queue: options.queuePulseUrl });
    undo.push(() => broker.close());
    // From here on there is something to clean up, and a signal may arrive before the worker exists.
    const shutdown$ = new ReplaySubject<Shutdown>();
    const signals = shutdownSignals().subscribe(how => {
      if (how === 'force') process.exit(EXIT_CODES.workerShutdown.code);
      // After Ctrl-C, nobody waits for tasks to finish.
      shutdown$.next('now');
    });
    undo.push(async () => {
      signals.unsubscribe();
    });
    const home = await devHome();
    undo.push(async () => home[Symbol.asyncDispose]());
    const local = await devQueue({
      port: options.port,
      publish: broker.publish,
      clients: Object.values(accounts),
      storageFolder: join(home.folder, 'artifacts'),
      logger,
    });
    undo.push(() => local.close());
    const { rootUrl } = local;
    stdout.write(exportLines(rootUrl, accounts.user, taskQueueId));

    const defaults = configDefaults();
    const tasksDir = chosen.tasksDir ?? join(home.folder, 'tasks');
    const config: WorkerConfig = {
      ...defaults,
      provisionerId: pool.provisionerId,
      workerType: pool.workerType,
      workerGroup: pool.workerGroup,
      workerId: pool.workerId,
      rootURL: rootUrl,
      clientId: accounts.worker.clientId,
      accessToken: accounts.worker.accessToken,
      requiredDiskSpaceMegabytes: await devDiskMegabytes(
        tasksDir,
        defaults.requiredDiskSpaceMegabytes,
        logger,
      ),
      // Live logs are only read on this machine.
      publicIP: '127.0.0.1',
      cachesDir: join(home.folder, 'caches'),
      downloadsDir: join(home.folder, 'downloads'),
      ...chosen,
      engine: chosen.engine ?? (await devEngine(chosen.dockerHost)),
      tasksDir,
    };
    secrets.addAllOf(config);
    await removeDeadHomes(logger);
    const worker = startWorker({
      config,
      version: version(),
      pulse: broker.workers,
      features: featuresOfOneSession(),
      secrets,
      onLog: logWriter(tasks, stdout),
    });
    const listening = Promise.withResolvers<undefined>();
    const log = workerLog(logger);
    const runs = runsOf(tasks);
    worker.events$.subscribe(event => {
      log(event);
      runs.see(event);
      if (event.type === 'worker' && event.state.phase === 'listening') listening.resolve(undefined);
    });
    const goneWith = shutdown$.subscribe(how => {
      worker.drain(how);
    });
    const working = worker.done
      .catch((error: unknown) => {
        throw workerFailure(config, error);
      })
      .finally(() => {
        goneWith.unsubscribe();
      });
    // The worker needs the queue until the worker ends, even if a task could not be created.
    undo.push(async () => {
      shutdown$.next('now');
      await working.catch(() => undefined);
    });
    const over = working.then(() => undefined);
    await Promise.race([listening.promise, over]);
    let soFar: ReadonlyMap<string, Ending> = new Map();
    const following = createAndFollow(tasks, {
      rootUrl,
      user: accounts.user,
      pulse: broker.workers,
      onEndings: endings => {
        soFar = endings;
      },
    });
    const endings = await Promise.race([following, over]);
    // The worker logs its last lines about a run after the queue has announced the end of the task.
    if (endings) await Promise.race([runs.over(), over]);
    const closing = () =>
      tasks.length > 0 ? endingLines(tasks, runs.withReasons(endings ?? soFar), stdout) : '';
    if (endings && !once) {
      stdout.write(closing());
      stdout.write(invitation(rootUrl, taskQueueId, process.env));
    }
    if (once) shutdown$.next('finish');
    const because = await working;
    if (once) await keepArtifacts(tasks, { rootUrl, user: accounts.user, io, folder });
    return {
      closing: endings && !once ? '' : closing(),
      exitCode: exitCodeOf(because, once, tasks, endings),
    };
  } finally {
    for (const step of undo.reverse()) {
      // A failed step must not prevent the remaining steps.
      await step().catch((err: unknown) => {
        logger.error({ err }, 'something was left behind');
      });
    }
  }
}

function exitCodeOf(
  because: keyof typeof EXIT_CODE_OF,
  once: boolean,
  tasks: readonly NewTask[],
  endings: ReadonlyMap<string, Ending> | undefined,
): number {
  if (because === 'out-of-service') return EXIT_CODE_OF[because];
  return once && !(endings && allCompleted(tasks, endings))
    ? EXIT_CODES.tasksFailed.code
    : EXIT_CODES.tasksComplete.code;
}
