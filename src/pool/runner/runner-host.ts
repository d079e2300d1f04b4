import { filter, map, merge, ReplaySubject, share, switchMap, take, tap, type Observable } from 'rxjs';
import { longTimer } from '../../streams/index.ts';
import type { Credentials } from '../../taskcluster/index.ts';
import type { WorkerConfig } from '../../worker/config/index.ts';
import type { Host, Leave } from '../host.ts';
import { shutDownAfter, warnOfShutdown, wantsShutdown } from '../machine/index.ts';
import type { Note } from '../note.ts';
import { askWorkerManager } from '../should-terminate.ts';
import type { RunnerConnection } from './connection.ts';
import type { Message } from './message.ts';
import { expiryOf, newCredentials } from './new-credentials.ts';
import { reportThroughRunner } from './report.ts';

/** How long a warning waits until it is known what the runner can do, in ms. */
const WELCOME_MS = 5_000;
/** So long before its credentials expire a worker whose runner is gone begins to go, in ms. */
const BEFORE_EXPIRY_MS = 5 * 60_000;
/** worker-manager starts and ends no machines for these. */
const UNSCALED = new Set(['static', 'standalone']);

/** worker-runner as the host of a worker. */
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
  // They arrive whether or not anybody listens already, and the last ones are what counts.
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
    leave$: merge(terminations(message$), orphaned(connection, credentials, note)).pipe(share()),
    ...isNeeded,
    reportError: problem => reportThroughRunner(connection, problem),
    ended: async exitCode => {
      if (!wantsShutdown(exitCode, config)) return;
      if (!connection.say('shutdown', { type: 'shutdown' })) await shutDownAfter(exitCode, config, note);
      // After a crash, the process ends as soon as this is done.
      await connection.flush();
    },
  };
}

function ofType(message$: Observable<Message>, wanted: string): Observable<Message> {
  return message$.pipe(filter(({ type }) => type === wanted));
}

/** worker-runner repeats itself each second on some clouds. */
function terminations(message$: Observable<Message>): Observable<Leave> {
  return ofType(message$, 'graceful-termination').pipe(
    map(message => ({
      how: message['finish-tasks'] === true ? ('finish' as const) : ('now' as const),
      because: 'worker-runner says that the worker has to go',
    })),
  );
}

/**
 * A worker whose runner has died goes on: its tasks are not to blame, and the machine is paid for. It claims nothing more when
 * its credentials are about to expire, since nobody will bring new ones.
 */
function orphaned(
  connection: RunnerConnection,
  credentials: () => Credentials,
  note: Note,
): Observable<Leave> {
  const because = 'worker-runner has ended, and the credentials of this worker expire soon';
  return connection.gone$.pipe(
    map(() => expiryOf(credentials())),
    tap(expiry => {
      note(
        'error',
        'worker-runner has ended: the worker goes on without it, and nobody renews its credentials',
        {
          ...(expiry !== undefined && { until: new Date(expiry).toJSON() }),
        },
      );
    }),
    filter(expiry => expiry !== undefined),
    switchMap(expiry => longTimer(expiry - BEFORE_EXPIRY_MS - Date.now())),
    map(() => ({ how: 'finish' as const, because })),
  );
}

/** worker-runner hands the worker its place as JSON text; a place that nobody can read may be scaled. */
function isScaled({ workerLocation = '{}' }: WorkerConfig): boolean {
  try {
    const location = JSON.parse(workerLocation) as { cloud?: unknown } | null;
    return !UNSCALED.has(String(location?.cloud));
  } catch {
    return true;
  }
}
