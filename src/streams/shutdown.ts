import { defer, fromEvent, map, merge, mergeMap, share, type Observable } from 'rxjs';

/**
 * How a worker shuts down:
 *
 * - `finish`: claim nothing more, and finish the running tasks (SIGINT).
 * - `now`: stop the running tasks and report them as `worker-shutdown`, so that they run elsewhere (SIGTERM, or SIGHUP
 *   when the terminal is closed).
 * - `force`: exit at once, even if work is unfinished (the same signal a second time).
 */
export type Shutdown = 'finish' | 'now' | 'force';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** A source of signals: `process`, or any emitter of their names. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

/**
 * Turns signals into shutdown requests, and handles the signals while it is subscribed. Only a repeated signal means
 * `force`. SIGTERM after SIGINT means `now`, because a service manager or a spot notice often follows an operator.
 * SIGINT after SIGTERM requests less than is already being done, and emits nothing. SIGHUP never means `force`, because
 * a shell and the kernel both send it when a terminal is closed. Node undoes nohup(1), so SIGHUP always arrives.
 */
export function shutdownSignals(source: SignalSource = process): Observable<Shutdown> {
  const signal = (name: Signal) =>
    fromEvent(source as Parameters<typeof fromEvent>[0], name).pipe(map(() => name));
  return defer(() => {
    const before = new Set<Signal>();
    return merge(signal('SIGINT'), signal('SIGTERM'), signal('SIGHUP')).pipe(
      mergeMap((name): Shutdown[] => {
        const isShuttingDown = before.has('SIGTERM') || before.has('SIGHUP');
        if (name === 'SIGHUP' && isShuttingDown) return [];
        if (before.has(name)) return ['force'];
        before.add(name);
        if (name !== 'SIGINT') return isShuttingDown ? [] : ['now'];
        return isShuttingDown ? [] : ['finish'];
      }),
    );
  }).pipe(share());
}
