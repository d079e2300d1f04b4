import { join } from 'node:path';
import { ReplaySubject } from 'rxjs';
import { shutdownSignals, type Shutdown } from '../../streams/index.ts';
import { configDefaults, featuresOfOneSession, startWorker, type WorkerConfig } from '../../worker/index.ts';
import type { DevCommand } from '../commands.ts';
import { devAccounts, devPool } from './accounts.ts';
import { devBroker } from './broker.ts';
import { createAndFollow } from './create.ts';
import { distinctTasks } from './distinct-tasks.ts';
import type { Ending } from './follow.ts';
import { devDiskMegabytes } from './disk.ts';
import { devEngine } from './engine.ts';
import { devHome, removeDeadHomes } from './home.ts';
import { devQueue } from './queue.ts';
import { readTasks } from './task-files.ts';
import { allCompleted, exportLines, logWriter, summary } from './terminal.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { version } from '../words/version.ts';
import { EXIT_CODE_OF, workerFailure } from '../run/worker-failure.ts';
import { workerLog } from '../run/worker-log.ts';

/** `tcw dev`: a queue, a broker and one worker in this process, for people who write tasks. */
export const dev: DevCommand = async (options, { logger, secrets, stdout }) => {
  const { defaultTask, once, worker: chosen } = options;
  const files = options.tasks.length === 0 && defaultTask !== undefined ? [defaultTask] : options.tasks;
  const pool = devPool((chosen.pulseUrl ?? options.queuePulseUrl) !== undefined);
  const { taskQueueId } = pool;
  const now = new Date();
  const read = await Promise.all(files.map(file => readTasks(file, taskQueueId, now)));
  const tasks = distinctTasks(read.flat());
  const accounts = devAccounts(pool);
  secrets.add(options.queuePulseUrl, ...Object.values(accounts).map(({ accessToken }) => accessToken));

  const undo: (() => Promise<unknown>)[] = [];
  try {
    const broker = await devBroker({ workers: chosen.pulseUrl, queue: options.queuePulseUrl }, logger);
    undo.push(() => broker.close());
    // From here on there is something to clean up, and a signal may come before the worker can hear it.
    const shutdown$ = new ReplaySubject<Shutdown>();
    const signals = shutdownSignals().subscribe(how => {
      if (how === 'force') process.exit(EXIT_CODES.workerShutdown.code);
      // Who presses Ctrl-C here waits for no task to finish.
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
      // Live logs are read on this machine.
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
    worker.events$.subscribe(news => {
      log(news);
      if (news.type === 'worker' && news.state.phase === 'listening') listening.resolve(undefined);
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
    // The worker needs the queue until it is done, also when a task could not be created.
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
    if (tasks.length > 0) stdout.write(summary(tasks, endings ?? soFar, stdout.isTerminal));
    if (once) shutdown$.next('finish');
    else if (endings)
      stdout.write(
        `The queue listens at ${rootUrl}, a worker waits for tasks of ${taskQueueId}; Ctrl-C ends both.\n`,
      );
    const because = await working;
    if (because === 'out-of-service') return EXIT_CODE_OF[because];
    return once && !(endings && allCompleted(tasks, endings))
      ? EXIT_CODES.tasksFailed.code
      : EXIT_CODES.tasksComplete.code;
  } finally {
    for (const step of undo.reverse()) {
      // What cannot be cleaned up keeps nothing else from it.
      await step().catch((err: unknown) => {
        logger.error({ err }, 'something stays behind');
      });
    }
  }
};
