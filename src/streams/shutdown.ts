import { defer, fromEvent, map, merge, mergeMap, share, type Observable } from 'rxjs';

/**
 * How to go:
 *
 * - `finish`: claim nothing more, finish what runs (SIGINT).
 * - `now`: stop what runs and report it as `worker-shutdown`, so that the queue runs it elsewhere (SIGTERM, or SIGHUP when the
 *   terminal has gone).
 * - `force`: leave at once, whatever is unfinished (the same signal again).
 */
export type Shutdown = 'finish' | 'now' | 'force';

type Signal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

/** Where signals come from: `process`, or anything that emits their names. */
export interface SignalSource {
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

/**
 * The operating system's wishes, while subscribed. Only the same signal again forces: SIGTERM after SIGINT is a service
 * manager or a spot notice that follows an operator, and means `now`. SIGINT after SIGTERM asks for less, and is not told.
 * SIGHUP never forces: a shell and the kernel both send it when a terminal goes. Node undoes nohup(1), so it always arrives.
 */
export function shutdownSignals(source: SignalSource = process): Observable<Shutdown> {
  const signal = (name: Signal) =>
    fromEvent(source as Parameters<typeof fromEvent>[0], name).pipe(map(() => name));
  return defer(() => {
    const before = new Set<Signal>();
    return merge(signal('SIGINT'), signal('SIGTERM'), signal('SIGHUP')).pipe(
      mergeMap((name): Shutdown[] => {
        const isGoing = before.has('SIGTERM') || before.has('SIGHUP');
        if (name === 'SIGHUP' && isGoing) return [];
        if (before.has(name)) return ['force'];
        before.add(name);
        if (name !== 'SIGINT') return isGoing ? [] : ['now'];
        return isGoing ? [] : ['finish'];
      }),
    );
  }).pipe(share());
}
