import type { Claim } from '../../../taskcluster/index.ts';
import { LOG_TYPE } from '../../log-names.ts';
import { feature, serving, type ActiveFeature, type RunHandle, type WorkerHost } from '../feature.ts';
import type { LogReaders } from './log-readers.ts';
import { sharedRate } from './shared-rate.ts';

/**
 * The rate limit for all readers of a worker together, in bytes per ms. It is as much as a fast network carries, so
 * that readers do not use more of the machine.
 */
const BYTES_PER_MS = 100_000;
/** The overhead that is counted for each write, in bytes, because small writes take time too. */
const BYTES_PER_WRITE = 8 * 1024;
/** The artifact expires this long after the task's maximum run time, in seconds. generic-worker does the same. */
const AFTER_TASK_SECS = 900;
/** How long slow readers may take to read the rest of a log after its task has ended, in ms. */
const LINGER_MS = 5 * 60_000;
/** The same limit when the worker ends. */
const LAST_MS = 1_000;

/**
 * `liveLog`: the log can be read while it is written. Its artifact is a reference to this worker and is replaced by a
 * link at the end.
 */
export const liveLog = feature({
  name: 'liveLog',
  open: worker => {
    const { config, emit } = worker;
    const isReachable = config.enableLiveLog && worker.exposure().method !== undefined;
    if (config.enableLiveLog && !isReachable) emit({ type: 'no-live-logs' });
    const rate = sharedRate(BYTES_PER_MS, BYTES_PER_WRITE);
    /** The logs of ended runs that still have readers. Each promise settles when the log is closed. */
    const lingering = new Map<LogReaders, Promise<void>>();
    return {
      ...serving<string>({
        ask: ({ logs }) => (isReachable ? logs.live : undefined),
        start: async (name, run) => {
          // Loaded for the first task with a live log, not with the configuration.
          const { logReaders } = await import('./log-readers.ts');
          const readers = logReaders(run.log, rate);
          const release = run.log.hold();
          const closed = async () => {
            const timer = setTimeout(readers.close, LINGER_MS).unref();
            await readers.done;
            clearTimeout(timer);
            await release().catch((err: unknown) => {
              emit({ type: 'clean-up-failed', claim: run.claim, what: "close the task's log", err });
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

/** Exposes a log. The task never waits for this, and never fails because of it. */
function exposed(
  name: string,
  { artifacts, claim, task }: Pick<RunHandle, 'artifacts' | 'claim' | 'task'>,
  { exposure, queue, emit }: Pick<WorkerHost, 'exposure' | 'queue' | 'emit'>,
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
      // Once the run is ending, the link takes the reference's place.
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
    if (!over.signal.aborted) emit({ type: 'live-log-failed', claim, err });
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

/** @param now the current time by the queue's clock, in ms since the epoch */
function expiryOf({ task }: Claim, maxRunTimeSecs: number, now: number): string {
  const latest = Date.parse(task.expires ?? task.deadline);
  return new Date(Math.min(latest, now + (maxRunTimeSecs + AFTER_TASK_SECS) * 1_000)).toISOString();
}
