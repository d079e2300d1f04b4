import { setTimeout as sleep } from 'node:timers/promises';
import { rowOf } from '../report/row.ts';
import type { Row } from '../report/row.ts';
import { nowMs } from '../setting/clock.ts';
import { grownUp, msToDeath } from '../setting/processes.ts';
import { startQueue, type ObservedQueue } from '../setting/queue.ts';
import { randomPause } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { samples: 10, loadedSamples: 4, baselineSamples: 5, baselineClaimMs: 3_000 },
  full: { samples: 50, loadedSamples: 30, baselineSamples: 20, baselineClaimMs: 20_000 },
};

/** The processes of a task that will be cancelled. */
interface Family {
  readonly command: readonly string[];
  /** The number of its processes that sleep. A task without permanent sleepers may have any number. */
  readonly sleepers: number;
}

/** Four sleeping processes: one in the background, one in its own session, two below their own shell. */
const PLAIN: Family = {
  command: ['sh', '-c', 'sleep 1000 & setsid sleep 1000 & (sleep 1000 & sleep 1000) & wait'],
  sleepers: 4,
};
const CROWD: Family = {
  command: ['sh', '-c', 'i=0; while [ $i -lt 200 ]; do sleep 1000 & i=$((i+1)); done; wait'],
  sleepers: 200,
};
/** Prints 5 MB every 100 ms. */
const LOUD: Family = {
  command: ['sh', '-c', 'sleep 1000 & while :; do head -c 5000000 /dev/zero; sleep 0.1; done'],
  sleepers: 1,
};
const GROWING_UP_MS = 30_000;
const TASKCLUSTER_CLAIM_MS = 20 * 60_000;

/**
 * Cancels a task with several processes, all of which die on SIGTERM. The baseline learns of the cancellation when it
 * reclaims, which on Taskcluster happens 17 minutes into a claim of 20. Here its claims are shorter, and the result is
 * scaled.
 */
export const cancel: Figure = {
  name: 'cancel',
  async measure(setting): Promise<Row[]> {
    if (process.platform !== 'linux') {
      setting.say('cancel: left out, since the processes of a run are found in /proc, which only Linux has');
      return [];
    }
    const { samples, loadedSamples, baselineSamples, baselineClaimMs } = setting.quick
      ? SIZES.quick
      : SIZES.full;
    await using tcw = await startWorkers(setting, 'tcw', { count: 1, capacity: 1 });
    const sampled = async (name: string, family: Family, times: number) => {
      setting.say(`cancel: tcw, ${name}, ${times} times`);
      const waits: number[] = [];
      for (let sample = 0; sample < times; sample++) {
        await randomPause(100, 250);
        const options = { watchEveryMs: 0.5, after: () => randomPause(30, 90) };
        waits.push(await cancelOne(setting.queue, tcw.pool, family, options));
      }
      return waits;
    };
    const own = await sampled('a few processes', PLAIN, samples);
    const crowd = await sampled('200 processes', CROWD, loadedSamples);
    const loud = await sampled('50 MB/s of output', LOUD, loadedSamples);

    setting.say(`cancel: baseline, ${baselineSamples} at once`);
    await using queue = await startQueue(setting.queuePulseUrl, { claimTimeoutMs: baselineClaimMs });
    const workers = { count: 1, capacity: baselineSamples, queue };
    await using baseline = await startWorkers(setting, 'baseline', workers);
    const other = await Promise.all(
      Array.from({ length: baselineSamples }, (_, index) =>
        cancelOne(queue, baseline.pool, PLAIN, {
          watchEveryMs: 10,
          // A user may cancel at any moment of a claim, so the moments are spread evenly over its first 17/20.
          after: taskId =>
            untilPart(queue, taskId, ((index + 0.5) / baselineSamples) * 0.85 * baselineClaimMs),
        }),
      ),
    );
    const times = TASKCLUSTER_CLAIM_MS / baselineClaimMs;
    const rows = (figure: string, waits: readonly number[], atMost: number, baseline?: readonly number[]) =>
      (['median', 'p90'] as const).map(of =>
        rowOf(of, { figure, samples: waits, baseline }, of === 'p90' ? { atMost } : undefined),
      );
    const dead = 'cancelTask sent → every process of the run dead';
    return [
      ...rows(
        dead,
        own,
        40,
        other.map(waited => waited * times),
      ),
      ...rows(`${dead}, 200 of them`, crowd, 100),
      ...rows(`${dead}, while it prints 50 MB/s`, loud, 60),
    ];
  },
};

interface CancelOptions {
  readonly watchEveryMs: number;
  /** Waits until the task should be cancelled. */
  readonly after: (taskId: string) => Promise<void>;
}

async function cancelOne(
  queue: ObservedQueue,
  pool: string,
  family: Family,
  { watchEveryMs, after }: CancelOptions,
): Promise<number> {
  const taskId = await queue.createTask(pool, family.command);
  await queue.moment('claimed', taskId);
  await grownUp(taskId, family.sleepers, GROWING_UP_MS);
  await after(taskId);
  const members = await grownUp(taskId, family.sleepers, GROWING_UP_MS);
  return msToDeath(taskId, members, watchEveryMs, () => queue.cancelTask(taskId));
}

/** Waits until this many ms of a task's claim have passed. Returns at once if they already have. */
async function untilPart(queue: ObservedQueue, taskId: string, ms: number): Promise<void> {
  await sleep(Math.max(0, (await queue.moment('claimed', taskId)) + ms - nowMs()));
}
