import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { WorkerState } from '../../worker/index.ts';
import type { HealthReport, ProblemKind } from './health.ts';

/** What systemd is told of a service (sd_notify(3)), where the unit has `Type=notify`. */
export interface SystemdNotices extends Disposable {
  /** Tells systemd of the worker's phase. */
  see(state: WorkerState): void;
  /** Resolves when systemd has been told everything so far. */
  told(): Promise<void>;
}

export interface SystemdOptions {
  /** Has `NOTIFY_SOCKET` and `WATCHDOG_USEC`, if systemd wants to be told. Both are removed: no child is to speak for the worker. */
  readonly environment: NodeJS.ProcessEnv;
  readonly report: () => HealthReport;
  /** Told once of why systemd could not be told. */
  readonly onFailure: (error: unknown) => void;
  /** How often the status is told without a watchdog, in ms. */
  readonly statusEveryMs?: number;
  readonly pid?: number;
}

const STATUS_EVERY_MS = 30_000;
/** What a notice may take, in ms. */
const NOTICE_MS = 10_000;

const run = promisify(execFile);

/**
 * Tells systemd that the worker is ready, what it does, and that it is alive.
 *
 * Node has no datagram sockets of Unix, and every library for them has to be compiled. `systemd-notify` is there wherever systemd
 * is, and costs a process for each notice. As root it speaks for its parent, so that `NotifyAccess=main` is enough; as another
 * user it speaks for itself, which needs `NotifyAccess=all`.
 *
 * @returns undefined where systemd does not ask for it
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
  let toldStatus = '';
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
    if (status === toldStatus) return [];
    toldStatus = status;
    return [`STATUS=${status}`];
  };
  const tick = () => {
    // Notices that systemd does not take must not pile up.
    if (waiting > 0) return;
    const assignments = [...(isWatched && deservesToLive(report()) ? ['WATCHDOG=1'] : []), ...newStatus()];
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
      // From then on the time of TimeoutStopSec runs, which a worker that finishes its tasks would exceed.
      const isLast = phase === 'stopped' || (phase === 'draining' && because === 'shutdown');
      if (!isLast || isStopping) return;
      isStopping = true;
      notify('STOPPING=1', ...newStatus());
    },
    told: () => queue,
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

/** What a restart cannot mend: the queue is no nearer then. One that refuses a worker at its start even ends it for good (73). */
const OF_THE_QUEUE: ReadonlySet<ProblemKind> = new Set(['queue-away', 'queue-refuses']);

/** Whether a restart would lose something, or mend nothing. A worker that runs tasks lives on whatever its health. */
function deservesToLive({ phase, slots, problems }: HealthReport): boolean {
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
