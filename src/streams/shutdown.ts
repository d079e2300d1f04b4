import { fromEvent, map, merge, scan, share, type Observable } from 'rxjs';

/**
 * How to go:
 *
 * - `finish`: claim nothing more, finish what runs (SIGINT).
 * - `now`: stop what runs and report it as `worker-shutdown`, so that the queue runs it elsewhere (SIGTERM).
 * - `force`: leave at once, whatever is unfinished (a second signal).
 */
export type Shutdown = 'finish' | 'now' | 'force';

/** Where signals come from: `process`, or anything that emits their names. */
export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/** The operating system's wishes, while subscribed. The second signal forces, whichever the two were. */
export function shutdownSignals(source: SignalSource = process): Observable<Shutdown> {
  const signal = (name: 'SIGINT' | 'SIGTERM', shutdown: Shutdown) =>
    fromEvent(source as Parameters<typeof fromEvent>[0], name).pipe(map(() => shutdown));
  return merge(signal('SIGINT', 'finish'), signal('SIGTERM', 'now')).pipe(
    scan((before: Shutdown | undefined, shutdown): Shutdown => (before ? 'force' : shutdown), undefined),
    map(shutdown => shutdown ?? 'force'),
    share(),
  );
}
