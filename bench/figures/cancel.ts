import { setTimeout as sleep } from 'node:timers/promises';
import { rowOf } from '../report/row.ts';
import type { Row } from '../report/row.ts';
import { nowMs } from '../setting/clock.ts';
import { membersOf, watchDeaths, type Member } from '../setting/processes.ts';
import { startQueue, type ObservedQueue } from '../setting/queue.ts';
import { randomPause } from '../setting/setting.ts';
import { startWorkers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { samples: 10, baselineSamples: 5, baselineClaimMs: 3_000 },
  full: { samples: 50, baselineSamples: 20, baselineClaimMs: 20_000 },
};
/** Four that sleep: one in the background, one in a session of its own, two below a shell of their own. */
const SLEEPERS = 4;
const FAMILY = ['sh', '-c', 'sleep 1000 & setsid sleep 1000 & (sleep 1000 & sleep 1000) & wait'];
const GROWING_UP_MS = 30_000;
const TASKCLUSTER_CLAIM_MS = 20 * 60_000;

/**
 * A task of several processes, all of which die on SIGTERM, is cancelled. The baseline learns of it when it reclaims,
 * which on Taskcluster is 17 minutes into a claim of 20; here its claims are shorter, and the rest is arithmetic.
 */
export const cancel: Figure = {
  name: 'cancel',
  async measure(setting): Promise<Row[]> {
    if (process.platform !== 'linux') {
      setting.say('cancel: left out, since the processes of a run are found in /proc, which only Linux has');
      return [];
    }
    const { samples, baselineSamples, baselineClaimMs } = setting.quick ? SIZES.quick : SIZES.full;
    const own: number[] = [];
    await using tcw = await startWorkers(setting, 'tcw', { count: 1, capacity: 1 });
    setting.say(`cancel: tcw, ${samples} times`);
    for (let sample = 0; sample < samples; sample++) {
      await randomPause(100, 250);
      own.push(
        await cancelOne(setting.queue, tcw.pool, { watchEveryMs: 0.5, after: () => randomPause(30, 90) }),
      );
    }

    setting.say(`cancel: baseline, ${baselineSamples} at once`);
    await using queue = await startQueue(setting.queuePulseUrl, { claimTimeoutMs: baselineClaimMs });
    const workers = { count: 1, capacity: baselineSamples, queue };
    await using baseline = await startWorkers(setting, 'baseline', workers);
    const other = await Promise.all(
      Array.from({ length: baselineSamples }, (_, index) =>
        cancelOne(queue, baseline.pool, {
          watchEveryMs: 10,
          // Somebody changes their mind at any moment of a claim: these are spread evenly over its first 17/20.
          after: taskId =>
            untilPart(queue, taskId, ((index + 0.5) / baselineSamples) * 0.85 * baselineClaimMs),
        }),
      ),
    );
    const times = TASKCLUSTER_CLAIM_MS / baselineClaimMs;
    return (['median', 'p90'] as const).map(of =>
      rowOf(
        of,
        {
          figure: 'cancelTask sent → every process of the run dead',
          samples: own,
          baseline: other.map(waited => waited * times),
        },
        of === 'p90' ? { atMost: 60 } : undefined,
      ),
    );
  },
};

interface CancelOptions {
  readonly watchEveryMs: number;
  /** Waits until it is time to cancel the task. */
  readonly after: (taskId: string) => Promise<void>;
}

async function cancelOne(
  queue: ObservedQueue,
  pool: string,
  { watchEveryMs, after }: CancelOptions,
): Promise<number> {
  const taskId = await queue.createTask(pool, FAMILY);
  await queue.moment('claimed', taskId);
  await grownUp(taskId);
  await after(taskId);
  const members = await grownUp(taskId);
  const watch = await watchDeaths(
    members.map(({ pid }) => pid),
    watchEveryMs,
  );
  const sentMs = nowMs();
  const [diedMs] = await Promise.all([watch.allDeadMs, queue.cancelTask(taskId)]);
  const left = membersOf(taskId);
  if (left.length > 0) throw new Error(`not all of a run died: ${JSON.stringify(left)}`);
  return diedMs - sentMs;
}

/** Waits until all processes of the task are there. */
async function grownUp(taskId: string): Promise<Member[]> {
  const end = nowMs() + GROWING_UP_MS;
  for (;;) {
    const members = membersOf(taskId);
    if (members.filter(({ program }) => program === 'sleep').length === SLEEPERS) return members;
    if (nowMs() > end) throw new Error(`the processes of a task were not seen: ${JSON.stringify(members)}`);
    await sleep(20);
  }
}

/** Waits until so many ms of a task's claim have passed; not at all when they have. */
async function untilPart(queue: ObservedQueue, taskId: string, ms: number): Promise<void> {
  await sleep(Math.max(0, (await queue.moment('claimed', taskId)) + ms - nowMs()));
}
