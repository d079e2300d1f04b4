import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { poolUnderTest } from '../../test/pool/registration/pool-under-test.ts';
import { rowOf, type Row } from '../report/row.ts';
import { nowMs } from '../setting/clock.ts';
import { onAws, underRunner, type StartPreempted } from '../setting/preempted-worker.ts';
import { grownUp, membersOf } from '../setting/processes.ts';
import { randomPause, type Setting } from '../setting/setting.ts';
import type { Figure } from './figure.ts';

const SAMPLES = { quick: 3, full: 30 } as const;
const GROWING_UP_MS = 60_000;
/** The documented exit code of a worker that was told to stop at once. */
const WORKER_SHUTDOWN = 72;
const LOG = 'public/logs/live_backing.log';
const REPORT = 'public/report.txt';

/** An ordinary task: a thousand lines of output, an artifact of 1 MB, and processes that die on SIGTERM. */
const PAYLOAD = {
  command: [
    [
      'sh',
      '-c',
      'seq 1000; head -c 1000000 /dev/urandom >report.txt; sleep 1000 & (sleep 1000 & sleep 1000) & wait',
    ],
  ],
  artifacts: [{ name: REPORT, path: 'report.txt', type: 'file' }],
  maxRunTime: 3_600,
};
const SLEEPERS = 3;

const WAYS: readonly (readonly [string, StartPreempted])[] = [
  ['worker-runner', underRunner],
  ['AWS', onAws],
];

/**
 * A worker with a running task is told that its machine is taken away. The time ends when the worker has exited. By then,
 * the run must be reported, its log and its artifact must be uploaded, and its processes and its folder must be gone.
 */
export const spotNotice: Figure = {
  name: 'spot-notice',
  async measure(setting): Promise<Row[]> {
    if (process.platform !== 'linux') {
      setting.say(
        'spot-notice: left out, since the processes of a run are found in /proc, which only Linux has',
      );
      return [];
    }
    const times = setting.quick ? SAMPLES.quick : SAMPLES.full;
    const rows: Row[] = [];
    for (const [sender, start] of WAYS) {
      setting.say(`spot-notice: ${sender}, ${times} times`);
      const samples: number[] = [];
      for (let sample = 0; sample < times; sample++) samples.push(await preemptOne(setting, start));
      const figure = `spot notice of ${sender} → everything reported and gone`;
      rows.push(rowOf('median', { figure, samples }), rowOf('p90', { figure, samples }, { atMost: 2_000 }));
    }
    return rows;
  },
};

async function preemptOne(setting: Setting, start: StartPreempted): Promise<number> {
  await using pool = await poolUnderTest();
  const taskId = await pool.queue.create({ payload: PAYLOAD });
  const worker = await start(setting, pool);
  const early = worker.exited.then(code => {
    throw new Error(`tcw run ended with exit code ${code} before its machine was taken away`);
  });
  await Promise.race([grownUp(taskId, SLEEPERS, GROWING_UP_MS), early]);
  // So that nothing is in step with a period of the worker.
  await randomPause(100, 1_000);
  const noticedMs = await Promise.race([worker.notify(), early]);
  const code = await worker.exited;
  const goneMs = nowMs();

  const { status } = await pool.queue.root.status(taskId);
  const { artifacts } = await pool.queue.root.listArtifacts(taskId, '0');
  const names = artifacts.map(({ name }) => name);
  const left = {
    'exit code': code === WORKER_SHUTDOWN ? [] : [code],
    report: status.runs[0]?.reasonResolved === 'worker-shutdown' ? [] : [status.runs[0]],
    artifacts: [LOG, REPORT].filter(name => !names.includes(name)),
    processes: membersOf(taskId),
    folders: await readdir(join(pool.folder, 'tasks')),
  };
  for (const [what, wrong] of Object.entries(left)) {
    if (wrong.length > 0)
      throw new Error(`not everything was reported and gone: ${what}: ${JSON.stringify(wrong)}`);
  }
  return goneMs - noticedMs;
}
