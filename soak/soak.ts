import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskStatusStructure } from '../src/taskcluster/index.ts';
import { startDeployment, type SoakDeployment } from './deployment.ts';
import { feed } from './feed.ts';
import { planned } from './plan.ts';
import { artifactProblems, leftovers, statusProblems, witnessProblems } from './promises.ts';
import { randomFrom } from './random.ts';
import type { SoakBroker, SoakOptions } from './setting.ts';
import { strikeAll } from './strike.ts';
import type { Summary } from './summary.ts';
import type { SoakTask } from './task.ts';
import { startSoakWorker, type SoakWorker } from './worker.ts';

/** The time in which all tasks must be resolved after everything has recovered. */
const REST_MS = 180_000;
/** The time in which a worker must end after a signal. It may wait for an open long poll and for its running tasks. */
const GOING_MS = 60_000;

/** Runs tasks on workers while faults are injected, and checks the promises from outside the workers. */
export async function soak(
  options: SoakOptions,
  broker: SoakBroker,
  say: (text: string) => void,
): Promise<Summary> {
  const startedMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), 'tcw-soak-'));
  const witness = join(folder, 'witness');
  await writeFile(witness, '');
  const workers: SoakWorker[] = [];
  try {
    await using deployment = await startDeployment(broker.queuePulseUrl, {
      claimTimeoutMs: options.claimMs,
      longPollMs: options.longPollMs ?? 20_000,
    });
    for (const [index, capacity] of options.workers.entries()) {
      const name = `worker-${index}`;
      workers.push(
        await startSoakWorker({
          name,
          capacity,
          folder,
          pulseUrl: broker.pulseUrl,
          ...deployment,
          ...deployment.worker,
        }),
      );
    }
    await Promise.all(workers.map(({ listening }) => listening));
    say(`${workers.length} workers listen`);

    const random = randomFrom(options.seed);
    const plan = planned(options.faults, workers.length, random, options.longestMs);
    const feeding = feed(deployment, options, witness, plan);
    const faults = await strikeAll(plan, workers, { options, broker, say }).catch((error: unknown) => {
      feeding.stop();
      throw error;
    });
    feeding.hurry();
    const tasks = await feeding.done;
    say(`${tasks.length} tasks are created, and all is well again`);
    const statuses = await allOver(deployment, tasks);
    say('all tasks are over');
    const exits = await leave(workers);
    const problems = [
      ...tasks.flatMap(task => {
        const status = statuses.get(task.taskId);
        return status ? statusProblems(task, status) : [`task ${task.taskId} is not over`];
      }),
      ...(await artifactProblems(deployment, tasks, statuses)),
      ...witnessProblems(await readFile(witness, 'utf8'), statuses),
      ...exits,
      ...(await leftovers(workers, folder)),
    ];
    return {
      seed: options.seed,
      seconds: (performance.now() - startedMs) / 1_000,
      tasks: tasks.length,
      statuses: [...statuses.values()],
      faults,
      complaints: workers.flatMap(({ complaints }) => [...complaints]),
      problems,
    };
  } finally {
    await Promise.all(workers.map(worker => worker.close()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function allOver(
  deployment: SoakDeployment,
  tasks: readonly SoakTask[],
): Promise<Map<string, TaskStatusStructure>> {
  const over = new Map<string, TaskStatusStructure>();
  const endMs = performance.now() + REST_MS;
  while (over.size < tasks.length && performance.now() < endMs) {
    for (const { taskId } of tasks) {
      if (over.has(taskId)) continue;
      const status = await deployment.status(taskId);
      if (['completed', 'failed', 'exception'].includes(status.state)) over.set(taskId, status);
    }
    await sleep(200);
  }
  return over;
}

/** Stops the workers, half with SIGINT and half with SIGTERM, and checks their exit codes. */
async function leave(workers: readonly SoakWorker[]): Promise<string[]> {
  const problems = workers.map(async (worker, index) => {
    const [word, code] = index % 2 === 0 ? (['SIGINT', 71] as const) : (['SIGTERM', 72] as const);
    worker.signal(word);
    const how = await Promise.race([worker.exited, sleep(GOING_MS, 'not at all', { ref: false })]);
    return how === code ? [] : [`${worker.name} ended with ${how} after ${word}, not with ${code}`];
  });
  return (await Promise.all(problems)).flat();
}
