import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { WorkerState } from '../../worker/index.ts';
import type { HealthReport, ProblemKind } from './health.ts';

/** Notices that a service with `Type=notify` sends to systemd (sd_notify(3)). */
export interface SystemdNotices extends Disposable {
  /** Notifies systemd of the worker's phase. */
  see(state: WorkerState): void;
  /** Resolves when all notices so far have been sent. */
  sent(): Promise<void>;
}

export interface SystemdOptions {
  /**
   * Contains `NOTIFY_SOCKET` and `WATCHDOG_USEC` if systemd expects notices. They are removed, so that no child process
   * notifies systemd in the worker's name.
   */
  readonly environment: NodeJS.ProcessEnv;
  readonly report: () => HealthReport;
  /** Called once, with the reason why systemd could not be notified. */
  readonly onFailure: (error: unknown) => void;
  /** The interval of status notices without a watchdog, in ms. */
  readonly statusEveryMs?: number;
  readonly pid?: number;
}

const STATUS_EVERY_MS = 30_000;
/** Time limit for one notice, in ms. */
const NOTICE_MS = 10_000;

const run = promisify(execFile);

/**
 * Notifies systemd that the worker is ready, what it does, and that it is alive.
 *
 * Node has no Unix datagram sockets, and every library for them has to be compiled. `systemd-notify` exists wherever
 * systemd does, but costs a process for each notice. As root it can send notices for its parent, so `NotifyAccess=main`
 * is enough. As another user it sends them for itself, which needs `NotifyAccess=all`.
 *
 * @returns undefined if systemd does not expect notices
 */
export function systemdNotices(options: SystemdOptions): SystemdNotices | undefined {
  const { environment, report, onFailure, statusEveryMs = STATUS_EVERY_MS, pid = process.pid } = options;
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID, PATH } = environment;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'])
    Reflect.deleteProperty(environment, name);
  if (socket === undefined || socket === '') return undefined;
  const watchdogMs =
    WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid ? Number(WATCHDOG_USEC) / 1_000 : 0;
  const isWatched = watchdogMs > 0;

  let queue = Promise.resolve();
  let waiting = 0;
  let hasFailed = false;
  let lastStatus = '';
  const notify = (...assignments: string[]) => {
    waiting += 1;
    queue = queue
      .then(() =>
        run('systemd-notify', assignments, { env: { NOTIFY_SOCKET: socket, PATH }, timeout: NOTICE_MS }),
      )
      .catch((error: unknown) => {
        if (!hasFailed) onFailure(error);
        hasFailed = true;
      })
      .then(() => {
        waiting -= 1;
      });
  };
  const newStatus = () => {
    const status = statusOf(report());
    if (status === lastStatus) return [];
    lastStatus = status;
    return [`STATUS=${status}`];
  };
  const tick = () => {
    // Notices must not pile up if systemd does not accept them.
    if (waiting > 0) return;
    const assignments = [...(isWatched && isHealthy(report()) ? ['WATCHDOG=1'] : []), ...newStatus()];
    if (assignments.length > 0) notify(...assignments);
  };
  const timer = setInterval(tick, isWatched ? watchdogMs / 2 : statusEveryMs).unref();

  let isReady = false;
  let isStopping = false;
  return {
    see: ({ phase, because }) => {
      if (phase === 'listening' && !isReady) {
        isReady = true;
        notify('READY=1', ...newStatus());
      }
      // STOPPING=1 starts TimeoutStopSec, which a worker that finishes its tasks would exceed.
      const isLast = phase === 'stopped' || (phase === 'draining' && because === 'shutdown');
      if (!isLast || isStopping) return;
      isStopping = true;
      notify('STOPPING=1', ...newStatus());
    },
    sent: () => queue,
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

/**
 * Problems that a restart cannot fix, because they lie with the queue. If the queue refuses a worker at its start, the
 * worker even exits for good (73).
 */
const OF_THE_QUEUE: ReadonlySet<ProblemKind> = new Set(['queue-away', 'queue-refuses']);

/**
 * Whether a restart would lose something or fix nothing. A worker that runs tasks is kept alive whatever its health.
 */
function isHealthy({ phase, slots, problems }: HealthReport): boolean {
  if (phase === 'draining' || phase === 'stopped' || slots.busy > 0) return true;
  return problems.every(({ kind }) => OF_THE_QUEUE.has(kind));
}

function statusOf({ phase, pulse, slots, problems, pausedBy }: HealthReport): string {
  const all = slots.busy + slots.free + slots.outOfService;
  const why = [...problems.map(({ message }) => message), ...pausedBy.map(reason => `paused: ${reason}`)];
  const asking = phase === 'listening' && pulse === 'down' ? 'polling' : phase;
  const busy = all === 0 ? [] : [`${slots.busy} of ${all} slots busy`];
  return [asking, ...busy, ...why].join('; ');
}
