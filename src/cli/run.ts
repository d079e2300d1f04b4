import { filter, share } from 'rxjs';
import { connectQueue } from '../queue/index.ts';
import { shutdownSignals } from '../streams/index.ts';
import type { WorkerConfig } from '../worker/index.ts';
import type { CommandIo, RunCommand } from './commands.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { connectToPulse } from './pulse.ts';
import { EXIT_CODE_OF, workerProcess } from './worker-process.ts';

/** `tcw run`: one worker against a Taskcluster deployment. */
export const run: RunCommand = async (config, io) => {
  const { logger } = io;
  const signals$ = shutdownSignals().pipe(share());
  const forced = signals$.pipe(filter(how => how === 'force')).subscribe(() => {
    leaveNow(io);
  });
  const queue = connectQueue({
    rootUrl: config.rootURL,
    credentials: config,
    taskQueueId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
    onRetry: (err, waitMs) => {
      logger.warn({ err, waitMs }, 'the queue did not answer, trying again');
    },
  });
  const pulse = await workerPulse(config, io);
  try {
    return EXIT_CODE_OF[await workerProcess({ config, queue, pulse, logger, shutdown$: signals$ })];
  } finally {
    forced.unsubscribe();
    await pulse?.close();
  }
};

async function workerPulse(config: WorkerConfig, { logger }: CommandIo) {
  const { pulseUrl: url, pulseUser: user, pulsePassword: password, pulseNamespace: namespace } = config;
  if (!url && user === undefined) {
    logger.info({}, 'no pulseUrl: polling for work');
    return undefined;
  }
  const connectionName = `tcw ${config.workerGroup}/${config.workerId}`;
  return connectToPulse({ url, user, password, namespace, connectionName }, logger);
}

/** The second signal: whatever runs is killed with the worker, and its claims expire. */
function leaveNow({ logger }: CommandIo): void {
  logger.error({}, 'forced to leave: what runs is killed, and its claims will expire');
  process.exit(EXIT_CODES.workerShutdown.code);
}
