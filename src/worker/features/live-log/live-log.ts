import type { Claim } from '../../../taskcluster/index.ts';
import { LOG_TYPE } from '../../log-names.ts';
import { feature, serving, type ActiveFeature, type RunHandle, type WorkerHost } from '../feature.ts';
import type { LogReaders } from './log-readers.ts';
import { sharedRate } from './shared-rate.ts';

/** What all readers of a worker get together, in bytes for each ms: as much as a fast network carries, and no more of the machine. */
const BYTES_PER_MS = 100_000;
/** What a write costs besides its bytes, in bytes: small writes take their time, too. */
const BYTES_PER_WRITE = 8 * 1024;
/** The artifact expires so long after the longest time that the task may run, in seconds. generic-worker does the same. */
const AFTER_TASK_SECS = 900;
/** Slow readers get the rest of a log for so long after its task, in ms. */
const LINGER_MS = 5 * 60_000;
/** The same when the worker ends. */
const LAST_MS = 1_000;

/** `liveLog`: the log can be read while it is written, by a reference to this worker that is replaced by a link at the end. */
export const liveLog = feature({
  name: 'liveLog',
  open: worker => {
    const { config, tell } = worker;
    const isReachable = config.enableLiveLog && worker.exposure().way !== undefined;
    if (config.enableLiveLog && !isReachable) tell({ type: 'no-live-logs' });
    const rate = sharedRate(BYTES_PER_MS, BYTES_PER_WRITE);
    /** Logs of runs that are over, which somebody still reads, until they are closed. */
    const lingering = new Map<LogReaders, Promise<void>>();
    return {
      ...serving<string>({
        ask: ({ logs }) => (isReachable ? logs.live : undefined),
        start: async (name, run) => {
          // Loaded by the first task that has a live log, and not with the configuration.
          const { logReaders } = await import('./log-readers.ts');
          const readers = logReaders(run.log, rate);
          const release = run.log.hold();
          const closed = async () => {
            const timer = setTimeout(readers.close, LINGER_MS).unref();
            await readers.done;
            clearTimeout(timer);
            await release().catch((err: unknown) => {
              tell({ type: 'clean-up-failed', claim: run.claim, what: "close the task's log", err });
            });
            lingering.delete(readers);
          };
          const linger = () => void lingering.set(readers, closed());
          return exposed(name, run, worker, readers, linger);
        },
      }),
      [Symbol.asyncDispose]: async () => {
        const timer = setTimeout(() => {
          for (const readers of lingering.keys()) readers.close();
        }, LAST_MS);
        await Promise.all(lingering.values());
        clearTimeout(timer);
      },
    };
  },
});

/** The task never waits for any of this, nor fails for it. */
function exposed(
  name: string,
  { artifacts, claim, task }: Pick<RunHandle, 'artifacts' | 'claim' | 'task'>,
  { exposure, queue, tell }: Pick<WorkerHost, 'exposure' | 'queue' | 'tell'>,
  readers: LogReaders,
  linger: () => void,
): ActiveFeature {
  const over = new AbortController();
  let isEnding = false;
  const show = async () => {
    const { answerWithLog } = await import('./answer.ts');
    const shown = await exposure().open('log', {
      request: (request, response) => {
        answerWithLog(request, response, readers);
      },
    });
    try {
      // From here on there is the link.
      if (isEnding) return undefined;
      const expires = expiryOf(claim, task.maxRunTimeSecs, queue.now());
      await artifacts.reference(name, {
        url: shown.url,
        contentType: LOG_TYPE,
        expires,
        signal: over.signal,
      });
      return shown;
    } catch (error) {
      await shown[Symbol.asyncDispose]();
      throw error;
    }
  };
  const showing = show().catch((err: unknown) => {
    if (!over.signal.aborted) tell({ type: 'live-log-failed', claim, err });
    return undefined;
  });
  return {
    finish: async ({ logSignal }) => {
      isEnding = true;
      if (logSignal.aborted) over.abort(logSignal.reason);
      logSignal.addEventListener('abort', () => {
        over.abort(logSignal.reason);
      });
    },
    [Symbol.asyncDispose]: async () => {
      isEnding = true;
      over.abort(new Error('the run is over'));
      linger();
      void showing.then(shown => shown?.[Symbol.asyncDispose]());
    },
  };
}

/** @param now in ms since the epoch, by the queue's clock */
function expiryOf({ task }: Claim, maxRunTimeSecs: number, now: number): string {
  const latest = Date.parse(task.expires ?? task.deadline);
  return new Date(Math.min(latest, now + (maxRunTimeSecs + AFTER_TASK_SECS) * 1_000)).toISOString();
}
