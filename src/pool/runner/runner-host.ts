import { filter, map, merge, ReplaySubject, share, switchMap, take, tap, type Observable } from 'rxjs';
import { longTimer } from '../../streams/index.ts';
import type { Credentials } from '../../taskcluster/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { Host, ShutdownRequest } from '../host.ts';
import { shutDownAfter, warnOfShutdown, wantsShutdown } from '../machine/index.ts';
import type { Note } from '../note.ts';
import { askWorkerManager } from '../should-terminate.ts';
import type { RunnerConnection } from './connection.ts';
import type { Message } from './message.ts';
import { expiryOf, newCredentials } from './new-credentials.ts';
import { reportThroughRunner } from './report.ts';

/** How long a warning waits for the runner's capabilities to be known, in ms. */
const WELCOME_MS = 5_000;
/** How long before its credentials expire a worker without a runner starts to shut down, in ms. */
const BEFORE_EXPIRY_MS = 5 * 60_000;
/** Clouds for which worker-manager does not start or terminate machines. */
const UNSCALED = new Set(['static', 'standalone']);

/** The host for a worker that worker-runner started. */
export function runnerHost(connection: RunnerConnection, config: WorkerConfig, note: Note): Host {
  const { message$ } = connection;
  let present: Credentials = config;
  const credentials = () => present;
  const renewed$ = ofType(message$, 'new-credentials').pipe(
    map(newCredentials),
    tap(renewed => {
      if (typeof renewed !== 'string') return;
      note('error', `new credentials from worker-runner cannot be used: ${renewed}`);
    }),
    filter(renewed => typeof renewed !== 'string'),
    tap(renewed => {
      present = renewed;
      note('info', 'worker-runner has renewed the credentials', { clientId: renewed.clientId });
    }),
  );
  // Credentials may arrive before there is a subscriber, and only the latest ones count.
  const credentials$ = new ReplaySubject<Credentials>(1);
  renewed$.subscribe(credentials$);
  const unknown$ = message$.pipe(
    filter(({ type }) => type !== 'new-credentials' && type !== 'graceful-termination'),
    tap(({ type }) => {
      note('warn', 'worker-runner has sent a message that this worker does not know', {
        type: type.slice(0, 100),
      });
    }),
    take(10),
  );
  unknown$.subscribe();
  if (!connection.agreed('shutdown')) {
    void connection.welcomed(WELCOME_MS).then(() => {
      if (!connection.agreed('shutdown')) warnOfShutdown(config, note);
    });
  }
  const isNeeded = isScaled(config) ? { isNeeded: askWorkerManager(config, credentials, note) } : {};
  return {
    credentials,
    credentials$,
    shutdownRequest$: merge(terminations(message$), orphaned(connection, credentials, note)).pipe(share()),
    ...isNeeded,
    reportError: problem => reportThroughRunner(connection, problem),
    ended: async exitCode => {
      if (!wantsShutdown(exitCode, config)) return;
      if (!connection.say('shutdown', { type: 'shutdown' })) await shutDownAfter(exitCode, config, note);
      // After a crash, the process exits as soon as this function returns.
      await connection.flush();
    },
  };
}

function ofType(message$: Observable<Message>, wanted: string): Observable<Message> {
  return message$.pipe(filter(({ type }) => type === wanted));
}

/** Shutdown requests. On some clouds, worker-runner repeats them each second. */
function terminations(message$: Observable<Message>): Observable<ShutdownRequest> {
  return ofType(message$, 'graceful-termination').pipe(
    map(message => ({
      how: message['finish-tasks'] === true ? ('finish' as const) : ('now' as const),
      because: 'worker-runner has requested a shutdown',
    })),
  );
}

/**
 * A worker keeps running if its runner has died, because its tasks should not suffer and the machine is paid for. It
 * stops claiming tasks shortly before its credentials expire, since they will not be renewed.
 */
function orphaned(
  connection: RunnerConnection,
  credentials: () => Credentials,
  note: Note,
): Observable<ShutdownRequest> {
  const because = 'worker-runner has ended, and the credentials of this worker expire soon';
  return connection.gone$.pipe(
    map(() => expiryOf(credentials())),
    tap(expiry => {
      note('error', 'worker-runner has ended: the worker continues, but its credentials are not renewed', {
        ...(expiry !== undefined && { until: new Date(expiry).toJSON() }),
      });
    }),
    filter(expiry => expiry !== undefined),
    switchMap(expiry => longTimer(expiry - BEFORE_EXPIRY_MS - Date.now())),
    map(() => ({ how: 'finish' as const, because })),
  );
}

/** worker-runner passes the worker's location as JSON text. A location that cannot be parsed may be scaled. */
function isScaled({ workerLocation = '{}' }: WorkerConfig): boolean {
  try {
    const location = JSON.parse(workerLocation) as { cloud?: unknown } | null;
    return !UNSCALED.has(String(location?.cloud));
  } catch {
    return true;
  }
}
