import { filter, Subscription, type Observable } from 'rxjs';
import { shutdownSignals, type Shutdown, longTimer } from '../../streams/index.ts';
import { MonitoringError, openMonitoring, type ShutdownRequest, type Monitoring } from '../../pool/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import { engineNames, startWorker } from '../../worker/index.ts';
import type { RunCommand } from '../commands.ts';
import { onCrash } from './crash.ts';
import { EXIT_CODES } from '../words/exit-codes.ts';
import { Failure } from '../words/failure.ts';
import type { LogFields, Logger } from '../output/logger.ts';
import { protectOwnCode } from '../output/own-code.ts';
import { version } from '../words/version.ts';
import { assertCertificate } from './worker-credentials.ts';
import { EXIT_CODE_OF, workerFailure } from './worker-failure.ts';
import { workerLog } from './worker-log.ts';

type Phase = 'starting' | 'working' | 'closing';

/** `tcw run`: one worker against a Taskcluster deployment. */
export const run: RunCommand = async (config, { logger, secrets }, host, see) => {
  assertCertificate(config);
  await using monitoring = await monitoringOf(config, logger);
  const warnAboutCode = protectOwnCode(taskUsers(config));
  let phase: Phase = 'starting';
  let isRefused = false;
  const worker = startWorker({
    config,
    version: version(),
    secrets,
    credentials: host.credentials,
    credentials$: host.credentials$,
    isNeeded: host.isNeeded,
  });
  monitoring.watch(worker);
  worker.events$.subscribe(see);
  using _ = onCrash(() => {
    worker.drain('finish');
    return Promise.resolve();
  });
  const log = workerLog(untilRefused(logger, () => isRefused));
  worker.events$.subscribe(event => {
    if (event.type === 'worker') {
      if (phase === 'starting') warnAboutCode(logger);
      phase = event.state.phase === 'stopped' ? 'closing' : 'working';
    }
    if (event.type === 'credentials-refused') isRefused = true;
    log(event);
  });
  const signals = new Subscription();
  let lastMoment: Subscription | undefined;
  const shutDown = (how: Shutdown, withinMs?: number) => {
    if (how === 'force' || phase === 'starting') leaveNow(how, logger);
    const graceMs = graceFor(config, withinMs);
    // A repeated notice does not extend the time.
    if (how === 'now') signals.add((lastMoment ??= leaveAfter(graceMs, () => phase, logger)));
    worker.drain(how, graceMs);
  };
  signals.add(
    shutdownSignals().subscribe(how => {
      shutDown(how);
    }),
  );
  signals.add(
    strongerRequests(host.shutdownRequest$).subscribe(({ how, because, withinMs }) => {
      logger.info({ how, ...(withinMs !== undefined && { withinMs }) }, `the worker shuts down: ${because}`);
      shutDown(how, withinMs);
    }),
  );
  try {
    return EXIT_CODE_OF[await worker.done];
  } catch (error) {
    throw workerFailure(config, error);
  } finally {
    signals.unsubscribe();
  }
};

/**
 * Drops repeated notices. On some clouds, worker-runner repeats a notice every second, so a notice counts only if it is
 * stronger than those before it.
 */
function strongerRequests(request$: Observable<ShutdownRequest>): Observable<ShutdownRequest> {
  const strengths: readonly Shutdown[] = ['finish', 'now', 'force'];
  let strongest = -1;
  return request$.pipe(
    filter(({ how }) => {
      const strength = strengths.indexOf(how);
      const isStronger = strength > strongest;
      strongest = Math.max(strength, strongest);
      return isStronger;
    }),
  );
}

/** The time reserved for ending the process before the machine disappears, in ms. */
const LAST_MS = 2_000;

/**
 * Returns the time that the worker has to finish after a request to stop, in ms; 0 for no limit. If the sender knows
 * when the machine disappears, that time is used.
 */
function graceFor({ shutdownGraceSecs }: WorkerConfig, withinMs: number | undefined): number {
  if (withinMs === undefined) return shutdownGraceSecs * 1_000;
  return Math.max(withinMs - LAST_MS, withinMs / 2, 1);
}

/** @throws Failure when the monitoring port is taken */
async function monitoringOf(config: WorkerConfig, log: Logger): Promise<Monitoring> {
  try {
    return await openMonitoring({ config, version: version(), log, environment: process.env });
  } catch (error) {
    if (!(error instanceof MonitoringError)) throw error;
    throw new Failure(EXIT_CODES.invalidConfig.code, error.message);
  }
}

/** Whether tasks run as the worker's user. Container tasks have a different file system. */
function taskUsers(config: WorkerConfig): 'this-user' | 'another' {
  return engineNames(config).some(name => name === 'native' || name === 'script') ? 'this-user' : 'another';
}

/**
 * Lowers info and warning lines to debug after the credentials are refused: the error that ends the worker says more
 * than they do.
 */
function untilRefused(logger: Logger, isRefused: () => boolean): Logger {
  const unless = (level: 'info' | 'warn') => (fields: LogFields, message: string) => {
    logger[isRefused() ? 'debug' : level](fields, message);
  };
  return { ...logger, info: unless('info'), warn: unless('warn') };
}

/**
 * Ends the process after the grace period. The sender of SIGTERM may not wait long: the machine may be taken away, or a
 * service manager may follow with SIGKILL.
 */
function leaveAfter(graceMs: number, phase: () => Phase, logger: Logger): Subscription {
  if (graceMs === 0) return Subscription.EMPTY;
  const seconds = graceMs / 1_000;
  const leave = () => {
    if (phase() === 'closing') logger.warn({ seconds }, 'Pulse was not closed in time');
    else {
      logger.error(
        { seconds },
        'not done in time: running tasks are killed, and claims that were not given back will expire',
      );
    }
    process.exit(EXIT_CODES.workerShutdown.code);
  };
  return longTimer(graceMs).subscribe(leave);
}

/**
 * Ends the process at once, which kills running tasks. Before the worker exists, one signal is enough; after that, a
 * second one is needed.
 */
function leaveNow(how: Shutdown, logger: Logger): never {
  if (how === 'force')
    logger.error({}, 'forced to exit: running tasks are killed, and their claims will expire');
  process.exit(how === 'finish' ? EXIT_CODES.workerStopped.code : EXIT_CODES.workerShutdown.code);
}
