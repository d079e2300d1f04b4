import { randomUUID } from 'node:crypto';
import { arch, platform } from 'node:process';
import { ServiceError, serviceCalls, type Credentials } from '../../taskcluster/index.ts';
import { engineNames, type LiveSecrets, type Emit, type WorkerConfig } from '../../worker/index.ts';
import type { Host } from '../host.ts';
import { scrubber } from './scrub.ts';
import { readDsn, sendEvent, type SentryEvent } from './sentry.ts';
import { reportedErrors } from './reported-error.ts';

export interface CrashReportsOptions {
  readonly config: WorkerConfig;
  readonly version: string;
  readonly host: Pick<Host, 'reportError' | 'credentials'>;
  readonly secrets: LiveSecrets;
  /** Called with where a crash was reported, or why it could not be reported. */
  readonly log: (fields: Readonly<Record<string, unknown>>, message: string) => void;
  /** Time limit for a report, in ms. */
  readonly longestMs?: number;
}

/**
 * Reports errors of the worker to Sentry and the pool's owner. Nothing here throws or takes longer than a few seconds.
 */
export interface CrashReports {
  /** Reports an unexpected error that ends the worker. */
  crashed(error: unknown): Promise<void>;
  /**
   * Reports that the worker cannot start or continue. It is not a bug of the worker, so only the pool's owner is told.
   */
  cannotWork(message: string): Promise<void>;
  /** Takes all events of a worker and reports runs that a bug of the worker ended. */
  readonly see: Emit;
  /** Resolves when no report is in progress. */
  settled(): Promise<void>;
}

const LONGEST_MS = 4_000;
/** The maximum number of reports about runs, for a bug that ends every run. */
const MAX_BROKEN_RUNS = 10;

export function crashReports(options: CrashReportsOptions): CrashReports {
  const { config, version, host, secrets, log, longestMs = LONGEST_MS } = options;
  const scrub = scrubber(secrets);
  const facts = factsOf(config, version);
  const underWay = new Set<Promise<unknown>>();
  let brokenRuns = 0;

  /** Runs `work` with a time limit, and logs a failure instead of throwing. */
  const quietly = async (what: string, work: (signal: AbortSignal) => Promise<unknown>) => {
    const signal = AbortSignal.timeout(longestMs);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('it took too long'));
      });
    });
    const working = Promise.race([work(signal), late]).catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      log({ error: scrub(message) }, `could not ${what}`);
    });
    underWay.add(working);
    await working;
    underWay.delete(working);
  };

  const toHost = (description: string, extra: Readonly<Record<string, string>> = {}) =>
    quietly('report to the owner of the pool', () =>
      host.reportError({
        kind: 'worker-error',
        title: 'tcw error',
        description,
        extra: { ...facts, ...extra },
      }),
    );
  const toSentry = (event: SentryEvent) =>
    quietly('report to Sentry', async signal => {
      if (config.sentryProject === '') return;
      const dsn = await dsnOf(config, host.credentials, signal);
      if (dsn === undefined) {
        log({}, 'the deployment has no Sentry');
        return;
      }
      const project = readDsn(dsn, version);
      secrets.add(...project.keys);
      await sendEvent(project, event, signal);
      log({ event: event.id }, 'reported to Sentry');
    });
  const report = async (
    error: unknown,
    level: SentryEvent['level'],
    more: Readonly<Record<string, string>> = {},
  ) => {
    const errors = reportedErrors(error, scrub);
    const id = randomUUID().replaceAll('-', '');
    const tags = { ...facts, ...more };
    const description = errors.map(({ type, message }) => `${type}: ${message}`).join('\ncaused by ');
    await Promise.all([
      toSentry({ id, at: new Date(), level, version, errors, tags }),
      toHost(description, { ...more, event: id }),
    ]);
  };

  return {
    crashed: error => report(error, 'fatal'),
    cannotWork: message => toHost(scrub(message)),
    see: event => {
      if (event.type !== 'run-broke' || brokenRuns >= MAX_BROKEN_RUNS) return;
      brokenRuns += 1;
      const { taskId, runId } = event.claim;
      void report(event.err, 'error', { taskId, runId: String(runId) });
    },
    settled: async () => {
      await Promise.all(underWay);
    },
  };
}

/** Returns the deployment's DSN for the project, a secret. Undefined if there is no Sentry, or none for this worker. */
async function dsnOf(
  config: WorkerConfig,
  credentials: (() => Credentials) | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const call = serviceCalls({ rootUrl: config.rootURL, signal });
  try {
    const { dsn } = await call(credentials ?? (() => config), 'auth', 'sentryDSN', config.sentryProject);
    return dsn.secret;
  } catch (error) {
    if (error instanceof ServiceError && error.statusCode === 404) return undefined;
    throw error;
  }
}

/** Facts about the worker for reports, as texts, like generic-worker's debug information. */
function factsOf(config: WorkerConfig, version: string): Readonly<Record<string, string>> {
  return {
    version,
    node: process.version,
    platform: `${platform} ${arch}`,
    engine: engineNames(config).join(','),
    rootURL: config.rootURL,
    workerPoolId: `${config.provisionerId}/${config.workerType}`,
    workerGroup: config.workerGroup,
    workerId: config.workerId,
    instanceType: config.instanceType ?? '',
    capacity: String(config.capacity),
  };
}
