import { PRIORITIES, type Run, type Task } from '../../../src/local/queue/tasks/task.ts';

/** What the model knows of a run: of the times only those that decide something. */
export type ModelRun = Pick<
  Run,
  'state' | 'reasonCreated' | 'reasonResolved' | 'workerId' | 'takenUntil' | 'scheduled'
>;

export interface ModelTask {
  readonly taskId: string;
  readonly requires: Task['requires'];
  readonly dependencies: readonly string[];
  readonly waitsFor: Set<string>;
  readonly retries: number;
  readonly deadline: number;
  priority: Task['priority'];
  retriesLeft: number;
  runs: ModelRun[];
  /** Claims that expire at the same time do so in the order in which they were made or renewed. */
  claimNumber?: number;
}

export const TASK_QUEUE_ID = 'proj/pool';
export const CLAIM_TIMEOUT = 1_000;
export const CLAIM_DELAY = 300;
export const DEADLINE_DELAY = 200;

type Outcome = 'completed' | 'failed' | 'exception';
type Resolved = NonNullable<Run['reasonResolved']>;

/** A queue in the plainest words: one list of tasks, searched from front to end. */
export class QueueModel {
  readonly tasks = new Map<string, ModelTask>();
  readonly quarantined = new Set<string>();
  /** The tasks that were never over. */
  readonly unresolved = new Set<string>();
  /** How often each run was announced as what: `task-pending/<taskId>/0`. */
  readonly announced = new Map<string, number>();
  now: number;
  private claims = 0;

  constructor(now: number) {
    this.now = now;
  }

  announce(what: string, taskId: string, runId: number): void {
    const key = `${what}/${taskId}/${runId}`;
    this.announced.set(key, (this.announced.get(key) ?? 0) + 1);
  }

  stateOf({ runs }: ModelTask): Run['state'] | 'unscheduled' {
    return runs.at(-1)?.state ?? 'unscheduled';
  }

  isPast({ deadline }: ModelTask): boolean {
    return deadline < this.now;
  }

  /** Whether the task was over at any time. A run that was retried by the queue is not the task's end. */
  wasResolved({ runs }: ModelTask): boolean {
    return runs.some(
      ({ reasonResolved }, runId) =>
        reasonResolved !== undefined && !runs[runId + 1]?.reasonCreated.includes('retry'),
    );
  }

  /** What could be claimed, the first served first; those of equal priority and age in any order. */
  claimable(): ModelTask[] {
    const rank = ({ priority }: ModelTask) => PRIORITIES.indexOf(priority);
    const age = ({ runs }: ModelTask) => runs.at(-1)?.scheduled ?? 0;
    return [...this.tasks.values()]
      .filter(task => this.stateOf(task) === 'pending' && task.deadline > this.now)
      .sort((one, other) => rank(one) - rank(other) || age(one) - age(other));
  }

  create(task: ModelTask): void {
    this.tasks.set(task.taskId, task);
    this.unresolved.add(task.taskId);
    for (const requiredId of task.dependencies) {
      const required = this.tasks.get(requiredId);
      if (required && this.lets(task, this.stateOf(required))) task.waitsFor.delete(requiredId);
    }
    if (task.waitsFor.size === 0) this.addRun(task, 'scheduled');
  }

  addRun(task: ModelTask, reasonCreated: Run['reasonCreated']): void {
    task.runs.push({ state: 'pending', reasonCreated, scheduled: this.now });
    this.announce('task-pending', task.taskId, task.runs.length - 1);
  }

  claim(task: ModelTask, workerId: string): void {
    const runId = task.runs.length - 1;
    task.runs[runId] = { ...lastRun(task), state: 'running', workerId };
    this.keep(task);
    this.announce('task-running', task.taskId, runId);
  }

  /** Begins or renews the claim of the last run. */
  keep(task: ModelTask): void {
    task.runs[task.runs.length - 1] = { ...lastRun(task), takenUntil: this.now + CLAIM_TIMEOUT };
    task.claimNumber = this.claims++;
  }

  /** Ends the last run. A reason to retry makes a new one, while retries are left. */
  end(task: ModelTask, state: Outcome, reasonResolved: Resolved, retry?: 'retry' | 'task-retry'): void {
    const runId = task.runs.length - 1;
    task.runs[runId] = { ...lastRun(task), state, reasonResolved };
    this.announce(`task-${state}`, task.taskId, runId);
    if (retry !== undefined && task.retriesLeft > 0) {
      task.retriesLeft -= 1;
      this.addRun(task, retry);
    } else this.release(task.taskId, state);
  }

  /** Ends whatever a task is doing. A task that was never scheduled gets a run that says so. */
  stop(task: ModelTask, reasonResolved: Resolved): boolean {
    const state = this.stateOf(task);
    if (state === 'unscheduled') {
      task.runs.push({ state: 'pending', reasonCreated: 'exception', scheduled: this.now });
    } else if (state !== 'pending' && state !== 'running') return false;
    this.end(task, 'exception', reasonResolved);
    return true;
  }

  /** Lets go what waited for a task, and says when that was the last of the group. */
  release(taskId: string, outcome: Outcome): void {
    for (const task of this.tasks.values()) {
      if (!task.dependencies.includes(taskId) || !this.lets(task, outcome)) continue;
      task.waitsFor.delete(taskId);
      const isFree = task.waitsFor.size === 0 && task.runs.length === 0;
      if (isFree && !this.isPast(task)) this.addRun(task, 'scheduled');
    }
    this.unresolved.delete(taskId);
    if (this.unresolved.size === 0) this.announce('task-group-resolved', 'all', 0);
  }

  /** Lets time pass: what happens by itself happens in its order. */
  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const [next] = this.alarms()
        .filter(({ at }) => at <= end)
        .sort((one, other) => one.at - other.at || one.number - other.number);
      if (!next) break;
      this.now = next.at;
      next.ring();
    }
    this.now = end;
  }

  private alarms(): { at: number; number: number; ring: () => void }[] {
    return [...this.tasks.values()].flatMap(task => {
      const { state, takenUntil = 0 } = task.runs.at(-1) ?? {};
      const isOpen = state === undefined || state === 'pending' || state === 'running';
      const deadline = {
        at: task.deadline + DEADLINE_DELAY,
        number: 0,
        ring: () => void this.stop(task, 'deadline-exceeded'),
      };
      const expiry = {
        at: takenUntil + CLAIM_DELAY,
        number: task.claimNumber ?? 0,
        ring: () => void this.end(task, 'exception', 'claim-expired', 'retry'),
      };
      // Past the deadline a claim does not expire any more: the task ends by its deadline.
      const expires = state === 'running' && task.deadline >= expiry.at;
      return [...(isOpen ? [deadline] : []), ...(expires ? [expiry] : [])];
    });
  }

  private lets({ requires }: ModelTask, outcome: Run['state'] | 'unscheduled'): boolean {
    return outcome === 'completed' || (requires === 'all-resolved' && /failed|exception/.test(outcome));
  }
}

function lastRun({ taskId, runs }: ModelTask): ModelRun {
  const run = runs.at(-1);
  if (!run) throw new Error(`${taskId} has no run`);
  return run;
}
