import { dockerEngine } from '../../../src/worker/engines/docker/index.ts';
import { rowOf } from '../../report/row.ts';
import { nowMs } from '../../setting/clock.ts';
import { docker, dockerRun } from '../setting/command-line.ts';
import { endRun, openRun, runWell } from '../setting/runs.ts';
import type { EngineFigure, EngineSetting } from '../setting/setting.ts';
import { newTasksDir, startBenchWorker, type BenchWorker } from '../setting/worker.ts';

const ROUNDS = { quick: 4, full: 25 };
/** A command that only prints. */
const WORD = ['echo', 'first'];

interface Times {
  readonly first: number[];
  readonly whole: number[];
}

/** The smallest task in an image that the engine already has, compared with `docker run` and `docker rm`, in turn. */
export const start: EngineFigure = {
  name: 'start',
  async measure(setting) {
    const rounds = setting.quick ? ROUNDS.quick : ROUNDS.full;
    const [engine, task, line] = [none(), none(), none()];
    const prepared: number[] = [];
    await using worker = await startBenchWorker(await dockerEngine({ host: setting.host }), {
      tasksDir: newTasksDir(setting.folder),
    });
    // The first run of each kind loads code.
    await ofTask(setting, worker, none(), []);
    for (let round = 1; round <= rounds; round++) {
      if (round % 10 === 1) setting.say(`start: round ${round} of ${rounds}`);
      await ofEngine(setting, engine);
      await ofCommandLine(setting, line, `tcw-bench-start-${process.pid}-${round}`);
      await ofTask(setting, worker, task, prepared);
    }
    const goal = { ratioAtLeast: 1.11 };
    const beside = 'beside `docker run`';
    return [
      rowOf(
        'median',
        { figure: `docker: claimed → first output, ${beside}`, samples: task.first, baseline: line.first },
        goal,
      ),
      rowOf('median', { figure: 'docker: claimed → prepared, without its command', samples: prepared }),
      rowOf('median', {
        figure: `docker: sandbox opened → first output, ${beside}`,
        samples: engine.first,
        baseline: line.first,
      }),
      rowOf('median', {
        figure: `docker: claimed → resolved, log uploaded and container removed, ${beside} and \`docker rm\``,
        samples: task.whole,
        baseline: line.whole,
      }),
    ];
  },
};

function none(): Times {
  return { first: [], whole: [] };
}

async function ofEngine(setting: EngineSetting, into: Times): Promise<void> {
  const startedMs = nowMs();
  const sandbox = await openRun(setting);
  into.first.push((await runWell(sandbox, WORD)) - startedMs);
  await endRun(sandbox);
  into.whole.push(nowMs() - startedMs);
}

async function ofCommandLine({ host, image }: EngineSetting, into: Times, name: string): Promise<void> {
  const run = dockerRun(host, { name, image: image.id, argv: WORD });
  into.first.push((await run.firstOutputMs) - run.startedMs);
  await run.endedMs;
  await docker(host, ['rm', '--force', name]);
  into.whole.push(nowMs() - run.startedMs);
}

async function ofTask(
  { image }: EngineSetting,
  worker: BenchWorker,
  into: Times,
  prepared: number[],
): Promise<void> {
  const taskId = await worker.createTask({ image: image.name, command: WORD });
  const claimedMs = await worker.phaseMs(taskId, 'claimed');
  prepared.push((await worker.phaseMs(taskId, 'running')) - claimedMs);
  into.first.push((await worker.firstOutputMs(taskId)) - claimedMs);
  into.whole.push((await worker.phaseMs(taskId, 'resolved')) - claimedMs);
}
