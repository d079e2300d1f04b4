import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskStatusStructure } from '../src/queue/index.ts';
import { startDeployment, type SoakDeployment } from './deployment.ts';
import { planned, type Field, type PlannedFault } from './faults.ts';
import { leftovers, statusProblems, witnessProblems } from './promises.ts';
import { randomFrom } from './random.ts';
import type { StruckFault, Summary } from './summary.ts';
import { soakTask, type SoakTask } from './task.ts';
import { startSoakWorker, type SoakWorker } from './worker.ts';

export interface SoakOptions {
  readonly tasks: number;
  /** The same seed: the same tasks, and the same faults in the same order. */
  readonly seed: number;
  /** The names of faults, each to strike once. */
  readonly faults: readonly string[];
  /** The capacity of each worker. */
  readonly workers: readonly number[];
  readonly claimMs: number;
  /** No fault, no pause between two and no plain task lasts longer, in ms. */
  readonly longestMs?: number;
  /** How long a `claimWork` waits for work, in ms. */
  readonly longPollMs?: number;
}

export interface SoakBroker {
  readonly pulseUrl: string;
  readonly queuePulseUrl: string;
  /** Undefined where it is not ours to stop. */
  readonly restart: Field['broker'];
}

/** When everything has long been back, all tasks have to be over in this time. */
const REST_MS = 180_000;
/** A worker that is told to go may wait for an open long poll, and for what it runs. */
const GOING_MS = 60_000;

/** Runs tasks on workers under fire, and looks at what was promised from outside the workers. */
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
    const faults = await strikeAll(plan, workers, { options, broker, say });
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

interface Feeding {
  /** The rest of the tasks may be created at once. */
  hurry(): void;
  readonly done: Promise<SoakTask[]>;
}

/** Creates tasks for as long as there are faults, so that what a fault costs can be seen; at least as many as wanted. */
function feed(
  deployment: SoakDeployment,
  { tasks: wanted, seed, claimMs, longestMs = Infinity }: SoakOptions,
  witness: string,
  plan: readonly PlannedFault[],
): Feeding {
  const random = randomFrom(seed + 1);
  const taskQueueId = `${deployment.provisionerId}/${deployment.workerType}`;
  const recoveryMs = Math.min(8_000, longestMs);
  const expectedMs = plan.reduce((sum, { lastsMs, afterMs }) => sum + lastsMs + afterMs + recoveryMs, 3_000);
  const everyMs = expectedMs / (0.8 * wanted);
  let hurrying = false;
  const feedAll = async () => {
    const tasks: SoakTask[] = [];
    const cancellations: Promise<void>[] = [];
    while (tasks.length < wanted || !hurrying) {
      const task = soakTask({ taskQueueId, witness, claimMs, longestMs, random });
      tasks.push(task);
      await deployment.create(task);
      if (task.cancelAfterMs !== undefined) {
        cancellations.push(sleep(task.cancelAfterMs).then(() => deployment.cancel(task.taskId)));
      }
      if (!hurrying) await sleep(everyMs);
    }
    await Promise.all(cancellations);
    return tasks;
  };
  return {
    hurry: () => {
      hurrying = true;
    },
    done: feedAll(),
  };
}

/** Lets one fault after the other strike, each when the workers have recovered from the last one. */
async function strikeAll(
  plan: readonly PlannedFault[],
  workers: readonly SoakWorker[],
  { options, broker, say }: { options: SoakOptions; broker: SoakBroker; say: (text: string) => void },
): Promise<StruckFault[]> {
  const struck: StruckFault[] = [];
  const random = randomFrom(options.seed + 2);
  for (const { kind, lastsMs, worker, afterMs } of plan) {
    await sleep(afterMs);
    const hit = worker === undefined ? workers : workers.slice(worker, worker + 1);
    const { claimMs } = options;
    const taken = hit.map(({ pulse }) => pulse.taken);
    await kind.strike({ workers: hit, random, lastsMs, claimMs, broker: broker.restart });
    const boundMs = kind.bound(lastsMs, claimMs);
    const lostMs = await recovered(hit, boundMs, kind.needsConnection && taken);
    struck.push({ name: kind.name, workers: hit.length, lastsMs, lostMs, boundMs });
    say(`${kind.name} for ${(lastsMs / 1000).toFixed(1)} s: ${(lostMs / 1000).toFixed(1)} s lost`);
  }
  return struck;
}

/**
 * How long, in ms, the slowest of these workers stays idle until it has claimed something from now on. A full worker is
 * not idle.
 *
 * @param taken how many connections each of them had made to Pulse before; only what it claims over another counts
 */
async function recovered(
  workers: readonly SoakWorker[],
  boundMs: number,
  taken?: readonly number[],
): Promise<number> {
  const endMs = performance.now();
  const idleMs = workers.map(() => 0);
  const sinceMs = workers.map(() => (taken ? Infinity : endMs));
  let lastMs = endMs;
  const isBack = ({ claimedMs }: SoakWorker, index: number) => claimedMs > (sinceMs[index] ?? endMs);
  while (!workers.every(isBack)) {
    await sleep(20);
    const nowMs = performance.now();
    for (const [index, worker] of workers.entries()) {
      if (taken && sinceMs[index] === Infinity && worker.pulse.taken > (taken[index] ?? 0))
        sinceMs[index] = nowMs;
      const isIdle = worker.active < worker.capacity && !isBack(worker, index);
      if (isIdle) idleMs[index] = (idleMs[index] ?? 0) + nowMs - lastMs;
    }
    lastMs = nowMs;
    // Somebody who is later than this is not only late.
    if (Math.max(...idleMs) > 3 * boundMs) return Infinity;
  }
  return Math.max(...idleMs);
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

/** Lets the workers go, one half politely, and looks at how they went. */
async function leave(workers: readonly SoakWorker[]): Promise<string[]> {
  const problems = workers.map(async (worker, index) => {
    const [word, code] = index % 2 === 0 ? (['SIGINT', 71] as const) : (['SIGTERM', 72] as const);
    worker.signal(word);
    const how = await Promise.race([worker.exited, sleep(GOING_MS, 'not at all', { ref: false })]);
    return how === code ? [] : [`${worker.name} ended with ${how} after ${word}, not with ${code}`];
  });
  return (await Promise.all(problems)).flat();
}

/** Whether what completed runs have left is there, and whole. */
async function artifactProblems(
  deployment: SoakDeployment,
  tasks: readonly SoakTask[],
  statuses: ReadonlyMap<string, TaskStatusStructure>,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { taskId, artifact } of tasks) {
    const status = statuses.get(taskId);
    const runId = status?.runs.at(-1)?.runId;
    if (runId === undefined || (status?.state !== 'completed' && status?.state !== 'failed')) continue;
    try {
      const log = await deployment.artifact(taskId, runId, 'public/logs/live_backing.log');
      if (!log.toString().includes(`last words of ${taskId}`)) problems.push(`task ${taskId}: half a log`);
      if (!artifact) continue;
      const content = await deployment.artifact(taskId, runId, artifact.name);
      if (content.length !== artifact.bytes) problems.push(`task ${taskId}: half an artifact`);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return problems;
}
