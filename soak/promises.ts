import { readdir, readFile } from 'node:fs/promises';
import type { TaskStatusStructure } from '../src/taskcluster/index.ts';
import type { SoakDeployment } from './deployment.ts';
import type { SoakTask } from './task.ts';
import type { SoakWorker } from './worker.ts';

/** Reasons for which the queue makes a new run and that a fault may cause. */
const RETRIED = ['claim-expired', 'worker-shutdown'];

/** Returns the ways in which the queue's status of a resolved task breaks the promises. */
export function statusProblems({ taskId, ends }: SoakTask, { runs, state }: TaskStatusStructure): string[] {
  const last = runs.at(-1);
  const end = last?.reasonResolved === 'canceled' ? 'canceled' : state;
  const problems: string[] = [];
  if (!ends.some(allowed => allowed === end)) {
    problems.push(`task ${taskId} ended as ${end} (${last?.reasonResolved}), not as ${ends.join(' or ')}`);
  }
  for (const run of runs.slice(0, -1)) {
    if (run.state !== 'exception' || !RETRIED.includes(run.reasonResolved ?? '')) {
      problems.push(
        `run ${run.runId} of task ${taskId} was ${run.state} (${run.reasonResolved}), and there was another`,
      );
    }
  }
  return problems;
}

/**
 * Returns the ways in which the output of the runs breaks the promises: no two runs of a task at the same time, no run
 * started twice, and a run that was reported as completed or failed reached its end.
 *
 * @param witness the lines that the runs wrote, `<what> <taskId> <runId>`, in chronological order
 */
export function witnessProblems(
  witness: string,
  statuses: ReadonlyMap<string, TaskStatusStructure>,
): string[] {
  const problems: string[] = [];
  const latest = new Map<string, number>();
  const seen = new Set<string>();
  for (const line of witness.split('\n').filter(text => text !== '')) {
    const [what = '', taskId = '', run = ''] = line.split(' ');
    const runId = Number(run);
    const before = latest.get(taskId) ?? -1;
    if (runId < before) problems.push(`run ${runId} of task ${taskId} was alive when run ${before} ran`);
    latest.set(taskId, Math.max(before, runId));
    if (what !== 'alive' && seen.has(line)) problems.push(`run ${runId} of task ${taskId}: ${what}, twice`);
    seen.add(line);
  }
  for (const [taskId, { state, runs }] of statuses) {
    if (state !== 'completed' && state !== 'failed') continue;
    const { runId } = runs.at(-1) ?? {};
    for (const what of ['start', 'end']) {
      if (!seen.has(`${what} ${taskId} ${runId}`)) {
        problems.push(`run ${runId} of task ${taskId} was reported as ${state} without its ${what}`);
      }
    }
  }
  return [...new Set(problems)];
}

/** Returns the artifacts of completed and failed runs that are missing or incomplete. */
export async function artifactProblems(
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

/**
 * Returns what is left after all workers have ended: files of runs, and processes whose command line or environment
 * contains the soak's folder.
 */
export async function leftovers(workers: readonly SoakWorker[], folder: string): Promise<string[]> {
  const problems: string[] = [];
  for (const { name, tasksDir, temporary } of workers) {
    for (const place of [tasksDir, temporary]) {
      for (const entry of await readdir(place)) problems.push(`${name} left ${place}/${entry}`);
    }
  }
  for (const pid of await processesOf(folder)) problems.push(`process ${pid} is left`);
  return problems;
}

/** Finds processes on Linux only; elsewhere the list is empty. */
async function processesOf(folder: string): Promise<string[]> {
  const names = await readdir('/proc').catch(() => []);
  const found = await Promise.all(
    names
      .filter(name => /^\d+$/.test(name) && name !== String(process.pid))
      .map(async pid => {
        const files = ['cmdline', 'environ'].map(file =>
          readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => ''),
        );
        return (await Promise.all(files)).some(text => text.includes(folder)) ? [pid] : [];
      }),
  );
  return found.flat();
}
