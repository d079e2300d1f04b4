import { isIPv6 } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningWorker, WorkerConfig } from '../worker/index.ts';
import { health, healthRoutes, monitoringServer, systemdNotices, type Routes } from './health/index.ts';
import {
  diskReadings,
  measured,
  openTelemetry,
  prometheus,
  readings,
  workerMetricsLines,
  type Instruments,
  type ReadingsOf,
} from './metrics/index.ts';

/** The worker's log. */
interface Log {
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

export interface MonitoringOptions {
  readonly config: WorkerConfig;
  readonly version: string;
  readonly log: Log;
  /** The environment of the process. The variables that systemd put into it are removed. */
  readonly environment: NodeJS.ProcessEnv;
}

/** Reports a worker's health and metrics: by HTTP, to systemd, by OpenTelemetry, and in its log. */
export interface Monitoring extends AsyncDisposable {
  /** The URL at which health and metrics are served. */
  readonly url: string | undefined;
  /** Starts monitoring a worker. Call it as soon as the worker exists, because earlier events are missed. */
  watch(worker: RunningWorker): void;
}

const LAST_NOTICE_MS = 1_000;

/** The address or port at which the worker's health should be served is not available. */
export class MonitoringError extends Error {
  override readonly name = 'MonitoringError';
}

/**
 * Opens monitoring. This happens before the worker exists, so that its start can be monitored.
 *
 * @throws MonitoringError
 */
export async function openMonitoring(options: MonitoringOptions): Promise<Monitoring> {
  const { config, version, log, environment } = options;
  const seen = health();
  let worker: RunningWorker | undefined;
  const report = () => seen.report(worker?.snapshot());
  await using opening = new AsyncDisposableStack();

  const instruments: Instruments[] = [];
  const metrics = measured({
    add: (...words) => {
      for (const each of instruments) each.add(...words);
    },
    record: (...words) => {
      for (const each of instruments) each.record(...words);
    },
  });
  const readingsOf: ReadingsOf = {
    config,
    version,
    health: report,
    measured: metrics,
    stores: () => worker?.stores() ?? [],
  };
  const telemetry = openTelemetry(() => readings(readingsOf));
  if (telemetry) instruments.push(opening.use(telemetry).instruments);

  const served = await serve(config, report, readingsOf);
  if (served) {
    instruments.push(served.instruments);
    log.info({ url: opening.use(served.server).url }, 'serving /metrics, /healthz and /readyz');
  }
  const notices = systemdNotices({
    environment,
    report,
    onFailure: err => {
      log.warn({ err }, 'could not notify systemd: is systemd-notify installed?');
    },
  });
  if (notices) {
    // The last notice may still be on its way when the worker ends. It is not worth a long wait.
    opening.defer(() => Promise.race([notices.sent(), sleep(LAST_NOTICE_MS, undefined, { ref: false })]));
    opening.use(notices);
  }
  const lines = workerMetricsLines(config, ({ text, fields }) => {
    if (config.logWorkerMetrics) log.info(fields, text);
  });

  const open = opening.move();
  return {
    url: served?.server.url,
    watch: watched => {
      worker = watched;
      const subscription = watched.events$.subscribe(event => {
        seen.see(event);
        metrics.see(event);
        lines(event);
        if (event.type === 'worker') notices?.see(event.state);
      });
      open.defer(() => {
        subscription.unsubscribe();
      });
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

async function serve(
  config: WorkerConfig,
  report: Parameters<typeof healthRoutes>[0],
  readingsOf: ReadingsOf,
) {
  const { monitoringPort: port, monitoringAddress: address } = config;
  if (port === undefined) return undefined;
  const { instruments, contentType, text } = await prometheus(async () => [
    ...readings(readingsOf),
    ...(await diskReadings(readingsOf)),
  ]);
  const routes: Routes = {
    ...healthRoutes(report),
    '/metrics': async () => ({ statusCode: 200, contentType, body: await text() }),
  };
  try {
    return { instruments, server: await monitoringServer(routes, { address, port }) };
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const place = `${isIPv6(address) ? `[${address}]` : address}:${port}`;
    const why = code === 'EADDRINUSE' ? 'another program uses it' : message;
    throw new MonitoringError(
      `monitoringPort: cannot serve health and metrics at ${place} (${why}). Choose another port, or 0 for any.`,
      { cause },
    );
  }
}
