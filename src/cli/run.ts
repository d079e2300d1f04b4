import { ReplaySubject, Subscription } from 'rxjs';
import { connectQueue, type QueueError } from '../queue/index.ts';
import { longTimer, shutdownSignals, type Shutdown } from '../streams/index.ts';
import type { WorkerConfig } from '../worker/index.ts';
import type { RunCommand } from './commands.ts';
import { EXIT_CODES } from './exit-codes.ts';
import type { LogFields, Logger } from './logger.ts';
import { protectOwnCode } from './own-code.ts';
import { queueWords } from './queue-words.ts';
import { assertCertificate, refusedCredentials } from './worker-credentials.ts';
import { connectToPulse } from './worker-pulse.ts';
import { closeMachine, EXIT_CODE_OF, readyMachine, workerProcess } from './worker-process.ts';

type Phase = 'starting' | 'working' | 'closing';

/** How long Pulse is waited for at the end, in ms: a worker that is done holds no message any more. */
const CLOSE_MS = 500;

/** `tcw run`: one worker against a Taskcluster deployment. */
export const run: RunCommand = async (config, { logger, secrets }) => {
  assertCertificate(config);
  const tellOfCode = protectOwnCode();
  const shutdown$ = new ReplaySubject<Shutdown>();
  let phase: Phase = 'starting';
  const signals = new Subscription();
  const obey = (how: Shutdown) => {
    if (how === 'force' || phase === 'starting') leaveNow(how, logger);
    if (how === 'now') signals.add(leaveAfter(config.shutdownGraceSecs, () => phase, logger));
    shutdown$.next(how);
  };
  signals.add(shutdownSignals().subscribe(obey));
  let refused: QueueError | undefined;
  const queue = connectQueue({
    rootUrl: config.rootURL,
    credentials: config,
    taskQueueId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
    onRetry: (error, waitMs) => {
      logger.warn({ error: queueWords(error), waitMs }, 'the queue did not answer, trying again');
    },
    onUnreadable: problem => {
      logger.error({ problem }, 'a claim is lost until it expires');
    },
    onRefused: error => {
      refused = error;
      shutdown$.next('finish');
    },
  });
  // The machine is looked at while the broker answers.
  const connecting = workerPulse(config, logger);
  const readying = readyMachine(config, logger);
  try {
    const [machine, pulse] = await Promise.all([readying, connecting]);
    phase = 'working';
    tellOfCode(logger);
    const workerLogger = untilRefused(logger, () => refused !== undefined);
    const because = await workerProcess({
      config,
      machine,
      queue,
      pulse,
      logger: workerLogger,
      secrets,
      shutdown$,
    });
    if (refused) throw refusedCredentials(config, refused);
    return EXIT_CODE_OF[because];
  } finally {
    // A worker closes its machine itself.
    if (phase === 'starting') {
      await readying.then(
        machine => closeMachine(machine, logger),
        () => undefined,
      );
    }
    phase = 'closing';
    await connecting.then(
      pulse => pulse?.close(CLOSE_MS),
      () => undefined,
    );
    signals.unsubscribe();
  }
};

/** What a worker says that ends because its credentials are refused says less than the error with which it ends. */
function untilRefused(logger: Logger, isRefused: () => boolean): Logger {
  const unless = (level: 'info' | 'warn') => (fields: LogFields, message: string) => {
    logger[isRefused() ? 'debug' : level](fields, message);
  };
  return { ...logger, info: unless('info'), warn: unless('warn') };
}

async function workerPulse(config: WorkerConfig, logger: Logger) {
  const { pulseUrl: url, pulseUser: user, pulsePassword: password, pulseNamespace: namespace } = config;
  if (!url && user === undefined) {
    logger.info({}, 'no pulseUrl: polling for work');
    return undefined;
  }
  const connectionName = `tcw ${config.workerGroup}/${config.workerId}`;
  return connectToPulse({ url, user, password, namespace, connectionName }, logger);
}

/** Whoever sent SIGTERM may not wait for long: a machine that is taken away, a service manager with SIGKILL at hand. */
function leaveAfter(seconds: number, phase: () => Phase, logger: Logger): Subscription {
  if (seconds === 0) return Subscription.EMPTY;
  const leave = () => {
    if (phase() === 'closing') logger.warn({ seconds }, 'Pulse was not closed in time');
    else {
      logger.error(
        { seconds },
        'not done in time: what runs is killed, and claims that were not given back will expire',
      );
    }
    process.exit(EXIT_CODES.workerShutdown.code);
  };
  return longTimer(seconds * 1_000).subscribe(leave);
}

/** When a signal comes again, what runs is killed with the worker. Before there is a worker, one is enough. */
function leaveNow(how: Shutdown, logger: Logger): never {
  if (how === 'force') logger.error({}, 'forced to leave: what runs is killed, and its claims will expire');
  process.exit(how === 'finish' ? EXIT_CODES.workerStopped.code : EXIT_CODES.workerShutdown.code);
}
