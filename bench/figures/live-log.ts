import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { row, type Row } from '../report/row.ts';
import { median, quantile } from '../report/statistics.ts';
import { firstMessage, startNode } from '../setting/children.ts';
import type { ReadersSaw } from '../setting/live-log-readers-process.ts';
import { residentMb } from '../setting/processes.ts';
import { oneTask } from '../setting/sample.ts';
import type { Setting } from '../setting/setting.ts';
import { startWorkers, type Workers } from '../setting/workers.ts';
import type { Figure } from './figure.ts';

const SIZES = {
  quick: { lines: 300, everyMs: 10, seconds: 3, rounds: 1 },
  full: { lines: 1_000, everyMs: 10, seconds: 8, rounds: 3 },
};
const MANY = 100;
const MB_PER_S = 50;
const LOOK_EVERY_MS = 100;

const [printer, readersScript] = ['live-log-printer-process.ts', 'live-log-readers-process.ts'].map(name =>
  fileURLToPath(new URL(`../setting/${name}`, import.meta.url)),
) as [string, string];

/** The delay with which readers of a live log see a line, and the cost of many readers for a task that prints much. */
export const liveLog: Figure = {
  name: 'livelog',
  async measure(setting): Promise<Row[]> {
    const { lines, everyMs, seconds, rounds } = setting.quick ? SIZES.quick : SIZES.full;
    await using workers = await startWorkers(setting, 'tcw', {
      count: 1,
      capacity: 1,
      variables: { TCW_PUBLIC_IP: '127.0.0.1' },
    });
    await oneTask(setting, workers);
    const rows: Row[] = [];
    for (const readers of [1, MANY]) {
      setting.say(`livelog: ${readers} reading ${lines} lines`);
      const { saw } = await followed(setting, workers, ['lines', lines, everyMs], readers);
      const figure = `a line printed → seen by a reader of the live log, ${readers} reading`;
      rows.push(row(`${figure}, median`, 'ms', median(saw.lateMs), undefined));
      rows.push(row(`${figure}, p99`, 'ms', quantile(saw.lateMs, 0.99), undefined, { atMost: 100 }));
    }
    const bulk = ['bulk', MB_PER_S, seconds] as const;
    const alone: Followed[] = [];
    const read: Followed[] = [];
    for (let round = 1; round <= rounds; round++) {
      setting.say(`livelog: ${MB_PER_S} MB/s, round ${round} of ${rounds}`);
      alone.push(await followed(setting, workers, bulk, 0));
      read.push(await followed(setting, workers, bulk, MANY));
    }
    const figure = `a task printing ${MB_PER_S} MB/s for ${seconds} s, claimed → resolved, ${MANY} reading`;
    const most = (all: readonly Followed[]) => Math.max(...all.map(({ mostMb }) => mostMb));
    return [
      ...rows,
      row(
        `${figure}, of its time without readers`,
        'times',
        median(read.map(({ ms }) => ms)) / median(alone.map(({ ms }) => ms)),
        undefined,
        { atMost: 1.05 },
      ),
      row(`${figure}: memory of the worker, beside that without readers`, 'MB', most(read), most(alone)),
    ];
  },
};

interface Followed {
  readonly saw: ReadersSaw;
  readonly ms: number;
  readonly mostMb: number;
}

/** Runs a task whose live log is read from the beginning. */
async function followed(
  setting: Setting,
  { pool, pids }: Workers,
  words: readonly (string | number)[],
  readers: number,
): Promise<Followed> {
  const { queue } = setting;
  const taskId = await queue.createTask(pool, [process.execPath, printer, ...words.map(String)]);
  const claimed = await queue.moment('claimed', taskId);
  const reading = readers > 0 ? startReading(await liveUrl(queue.rootUrl, taskId), readers) : undefined;
  let mostMb = await residentMb(pids);
  const completing = queue.moment('completed', taskId);
  const done = completing.then(() => true);
  while (!(await Promise.race([done, sleep(LOOK_EVERY_MS, false)])))
    mostMb = Math.max(mostMb, await residentMb(pids));
  const ms = (await completing) - claimed;
  // This many readers cannot have read everything that was printed.
  if (words[0] === 'bulk') reading?.stop();
  return { saw: (await reading?.saw) ?? { lateMs: [], bytes: 0, complete: 0 }, ms, mostMb };
}

async function liveUrl(rootUrl: string, taskId: string): Promise<string> {
  const name = encodeURIComponent('public/logs/live.log');
  for (;;) {
    const answer = await fetch(`${rootUrl}/api/queue/v1/task/${taskId}/runs/0/artifacts/${name}`, {
      redirect: 'manual',
    });
    await answer.body?.cancel();
    if (answer.status === 303) return answer.headers.get('location') ?? '';
    await sleep(5);
  }
}

interface ReadersProcess {
  readonly saw: Promise<ReadersSaw>;
  readonly stop: () => void;
}

function startReading(url: string, readers: number): ReadersProcess {
  const child = startNode([readersScript, url, String(readers)], {}, ['ignore', 'inherit', 'inherit', 'ipc']);
  const exit = once(child, 'exit');
  const told = firstMessage(child, message =>
    typeof message === 'object' ? (message as ReadersSaw) : undefined,
  );
  return {
    saw: told.then(async saw => {
      await exit;
      return saw;
    }),
    stop: () => void child.send('stop'),
  };
}
