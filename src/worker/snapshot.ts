import type { WorkerEvent } from './events.ts';
import type { RunState } from './run/run-state.ts';
import { STARTING, type WorkerState } from './life/worker-state.ts';

/** The state of a worker at one moment. */
export interface WorkerSnapshot {
  readonly state: WorkerState;
  /** The number of tasks that can run at once. */
  readonly capacity: number;
  /** The runs in progress, in the order in which they were claimed. */
  readonly runs: readonly RunSnapshot[];
  /** Number of slots out of service because processes of finished runs could not be ended. */
  readonly outOfService: number;
  /** Number of finished runs. */
  readonly resolved: number;
}

export interface RunSnapshot {
  readonly taskId: string;
  readonly runId: number;
  readonly state: RunState;
}

/** Tracks a worker's present state by its events. */
export function snapshots(capacity: number): {
  see(event: WorkerEvent): void;
  present(): WorkerSnapshot;
} {
  let state = STARTING;
  let resolved = 0;
  let outOfService = 0;
  const runs = new Map<string, RunSnapshot>();
  return {
    see: event => {
      if (event.type === 'worker') state = event.state;
      if (event.type === 'processes-gone') outOfService -= 1;
      if (event.type !== 'run') return;
      const { taskId, runId } = event.claim;
      const key = `${taskId}/${runId}`;
      if (event.state.phase !== 'resolved') runs.set(key, { taskId, runId, state: event.state });
      else if (runs.delete(key)) {
        resolved += 1;
        if (event.state.processesLeft) outOfService += 1;
      }
    },
    present: () => ({ state, capacity, runs: [...runs.values()], outOfService, resolved }),
  };
}
