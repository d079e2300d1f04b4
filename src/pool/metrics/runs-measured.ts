import type { Claim } from '../../taskcluster/index.ts';
import type { Outcome, RunState, StopReason, Emit, WorkerEvent } from '../../worker/index.ts';
import type { Instruments } from './measures.ts';

interface RunSeen {
  readonly claimedAt: number;
  /** Why and when the run had to stop. Undefined if nothing stopped it before its processes were dead. */
  stopping?: { readonly stop: StopReason; readonly at: number } | undefined;
  isDead: boolean;
}

/** Measures how runs end and how long their parts take. */
export function runsMeasured({ add, record }: Instruments, now: () => number): Emit {
  const runs = new Map<string, RunSeen>();

  const seeState = (claim: Claim, state: RunState) => {
    const key = keyOf(claim);
    let run = runs.get(key);
    if (!run) {
      // A run that ended with remaining processes is reported again when they are gone.
      if (state.phase === 'resolved') return;
      run = { claimedAt: now(), isDead: false };
      runs.set(key, run);
      add('tcw_runs_claimed_total');
      const waitedMs = pendingMs(claim);
      if (waitedMs !== undefined) record('tcw_pending_to_claimed_seconds', waitedMs / 1_000);
    }
    // A stop after the last process ended has nothing to kill.
    if (state.stop && !run.isDead) run.stopping ??= { stop: state.stop, at: now() };
    if (!['claimed', 'preparing', 'running'].includes(state.phase)) {
      if (run.stopping && !run.isDead) {
        record('tcw_stop_to_dead_seconds', (now() - run.stopping.at) / 1_000, { stop: run.stopping.stop });
      }
      run.isDead = true;
    }
    if (state.phase !== 'resolved') return;
    runs.delete(key);
    const result = state.outcome?.result ?? 'none';
    record('tcw_run_duration_seconds', (now() - run.claimedAt) / 1_000, { result });
  };
  const resolved = (result: string, reason = '') => {
    add('tcw_runs_resolved_total', 1, { result, reason });
  };

  return (event: WorkerEvent) => {
    switch (event.type) {
      case 'run':
        seeState(event.claim, event.state);
        break;
      case 'reported':
        resolved(event.outcome.result, reasonOf(event.outcome));
        break;
      case 'not-reported':
        resolved('none', event.stop);
        break;
      case 'reported-too-late':
        resolved('none', 'too-late');
        break;
      case 'report-failed':
        resolved('none', 'report-failed');
        break;
      case 'run-broke':
        runs.delete(keyOf(event.claim));
        resolved('none', 'worker-error');
        break;
    }
  };
}

function keyOf({ taskId, runId }: Claim): string {
  return `${taskId}/${runId}`;
}

function reasonOf(outcome: Outcome): string {
  return outcome.result === 'exception' ? outcome.reason : '';
}

/** Returns how long a run was pending, in ms. Both times are the queue's. */
function pendingMs({ status, runId, startedMs }: Claim): number | undefined {
  const scheduled = status.runs[runId]?.scheduled;
  const ms = scheduled === undefined ? NaN : startedMs - Date.parse(scheduled);
  return ms >= 0 ? ms : undefined;
}
