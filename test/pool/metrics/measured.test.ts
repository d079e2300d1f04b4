import { expect, it } from 'vitest';
import { measured } from '../../../src/pool/metrics/measured.ts';
import type { Instruments, Labels } from '../../../src/pool/metrics/measures.ts';
import { ServiceError } from '../../../src/taskcluster/index.ts';
import type { RunState, WorkerEvent } from '../../../src/worker/index.ts';
import { claimAfter } from '../claim.ts';

const claim = claimAfter(7);

/** A series and its label values, as Prometheus writes them. */
function named(name: string, labels: Labels = {}): string {
  const values = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  return values.length === 0 ? name : `${name}{${values.join()}}`;
}

function folded() {
  let ms = 0;
  const counts: Record<string, number> = {};
  const recorded: [string, number][] = [];
  const instruments: Instruments = {
    add: (name, amount = 1, labels) => {
      const key = named(name, labels);
      counts[key] = (counts[key] ?? 0) + amount;
    },
    record: (name, value, labels) => recorded.push([named(name, labels), value]),
  };
  const metrics = measured(instruments, () => ms);
  return {
    counts,
    recorded,
    metrics,
    see: (...event: WorkerEvent[]) => {
      event.forEach(metrics.see);
    },
    /** The run is in this state after so many seconds. */
    run: (afterSecs: number, state: RunState) => {
      ms += afterSecs * 1_000;
      metrics.see({ type: 'run', claim, state });
    },
  };
}

it('a completed run is measured', () => {
  const { counts, recorded, run, see } = folded();
  run(0, { phase: 'claimed' });
  run(1, { phase: 'preparing' });
  run(1, { phase: 'running' });
  run(60, { phase: 'uploading' });
  see({ type: 'reported', claim, outcome: { result: 'completed' } });
  run(1, { phase: 'resolving', outcome: { result: 'completed' } });
  run(2, { phase: 'resolved', outcome: { result: 'completed' } });
  expect(recorded).toEqual([
    ['tcw_pending_to_claimed_seconds', 7],
    ['tcw_run_duration_seconds{result=completed}', 65],
  ]);
  expect(counts).toEqual({
    tcw_runs_claimed_total: 1,
    'tcw_runs_resolved_total{result=completed,reason=}': 1,
  });
});

it('a cancelled run is measured from the stop to the end of its processes', () => {
  const { counts, recorded, run, see } = folded();
  run(0, { phase: 'claimed' });
  run(1, { phase: 'running' });
  run(10, { phase: 'running', stop: 'canceled' });
  run(0.25, { phase: 'uploading', stop: 'canceled' });
  see({ type: 'not-reported', claim, stop: 'canceled' });
  run(3, { phase: 'resolving', stop: 'canceled', outcome: undefined });
  run(1, { phase: 'resolved', stop: 'canceled', outcome: undefined });
  expect(recorded.slice(1)).toEqual([
    ['tcw_stop_to_dead_seconds{stop=canceled}', 0.25],
    ['tcw_run_duration_seconds{result=none}', 15.25],
  ]);
  expect(counts['tcw_runs_resolved_total{result=none,reason=canceled}']).toBe(1);
});

it('a run that is stopped while it uploads has no processes to end', () => {
  const { recorded, run } = folded();
  run(0, { phase: 'claimed' });
  run(1, { phase: 'uploading' });
  run(5, { phase: 'uploading', stop: 'canceled' });
  run(5, { phase: 'resolving', stop: 'canceled', outcome: undefined });
  expect(recorded.map(([name]) => name)).toEqual(['tcw_pending_to_claimed_seconds']);
});

it('a run with processes left counts once', () => {
  const { counts, recorded, run, see } = folded();
  run(0, { phase: 'claimed' });
  run(1, { phase: 'resolved', outcome: undefined, processesLeft: true });
  see({ type: 'processes-gone', claim });
  run(9, { phase: 'resolved', outcome: undefined });
  expect(recorded).toHaveLength(2);
  expect(counts.tcw_runs_claimed_total).toBe(1);
});

it('an exception is counted by its reason', () => {
  const { counts, see } = folded();
  const outcome = { result: 'exception', reason: 'malformed-payload', message: 'x' } as const;
  see({ type: 'reported', claim, outcome });
  expect(counts['tcw_runs_resolved_total{result=exception,reason=malformed-payload}']).toBe(1);
});

it('uploads are counted, with their bytes and retries', () => {
  const { counts, recorded, see } = folded();
  see({ type: 'uploaded', claim, name: 'a', bytes: 1_000, tries: 1, tookMs: 500 });
  see({ type: 'uploaded', claim, name: 'b', bytes: 24, tries: 4, tookMs: 1_500 });
  see({ type: 'upload-failed', claim, err: new Error('no') });
  expect(counts).toMatchObject({
    tcw_uploads_total: 2,
    tcw_upload_bytes_total: 1_024,
    tcw_upload_retries_total: 3,
    tcw_upload_failures_total: 1,
  });
  expect(recorded).toEqual([
    ['tcw_upload_duration_seconds', 0.5],
    ['tcw_upload_duration_seconds', 1.5],
  ]);
});

it('reclaims are measured: how late they were granted, and how much of the claim was left', () => {
  const { counts, recorded, metrics, see } = folded();
  expect(metrics.reclaimLeftSeconds).toBeUndefined();
  see({ type: 'reclaim-failed', claim, err: new Error('no') });
  see({ type: 'reclaimed', claim, lagMs: 1_500, leftMs: 300_000 });
  expect(counts).toMatchObject({ tcw_reclaims_total: 1, tcw_reclaim_failures_total: 1 });
  expect(recorded).toEqual([['tcw_reclaim_lag_seconds', 1.5]]);
  expect(metrics.reclaimLeftSeconds).toBe(300);
});

it('failures of claimWork are counted by kind', () => {
  const { counts, see } = folded();
  see({ type: 'claim-work-failed', err: new ServiceError('unavailable', 'x', 503), waitMs: 1 });
  expect(counts).toEqual({
    'tcw_claim_work_failures_total{kind=unavailable}': 1,
    'tcw_incidents_total{type=claim-work-failed}': 1,
  });
});
