import { ServiceError } from '../../taskcluster/index.ts';
import type { WorkerEvent } from '../../worker/index.ts';
import type { Instruments } from './measures.ts';
import { runsMeasured } from './runs-measured.ts';

export interface Measured {
  readonly see: (event: WorkerEvent) => void;
  /** The time that was left on a claim at the most recent renewal, in seconds. */
  readonly reclaimLeftSeconds: number | undefined;
}

/** Events that happen with every task. They have their own metrics and are no incidents. */
const ORDINARY: ReadonlySet<WorkerEvent['type']> = new Set(['reported', 'reclaimed', 'uploaded']);

/**
 * Records counters and histograms from a worker's events.
 *
 * @param now a monotonic clock, in ms
 */
export function measured(instruments: Instruments, now: () => number = () => performance.now()): Measured {
  const { add, record } = instruments;
  const runs = runsMeasured(instruments, now);
  let reclaimLeftSeconds: number | undefined;
  return {
    get reclaimLeftSeconds() {
      return reclaimLeftSeconds;
    },
    see: event => {
      runs(event);
      if (event.type === 'worker' || event.type === 'run') return;
      if (!ORDINARY.has(event.type)) add('tcw_incidents_total', 1, { type: event.type });
      switch (event.type) {
        case 'claim-work-failed':
          add('tcw_claim_work_failures_total', 1, { kind: kindOf(event.err) });
          break;
        case 'reclaimed':
          add('tcw_reclaims_total');
          record('tcw_reclaim_lag_seconds', event.lagMs / 1_000);
          reclaimLeftSeconds = event.leftMs / 1_000;
          break;
        case 'reclaim-failed':
          add('tcw_reclaim_failures_total');
          break;
        case 'uploaded':
          add('tcw_uploads_total');
          add('tcw_upload_bytes_total', event.bytes);
          add('tcw_upload_retries_total', event.tries - 1);
          record('tcw_upload_duration_seconds', event.tookMs / 1_000);
          break;
        case 'upload-failed':
        case 'log-upload-failed':
          add('tcw_upload_failures_total');
          break;
        case 'queue-away':
          add('tcw_service_retries_total');
          break;
        case 'store-entry-removed':
          add('tcw_store_entries_removed_total');
          add('tcw_store_freed_bytes_total', event.freedBytes);
          break;
      }
    },
  };
}

function kindOf(err: unknown): string {
  return err instanceof ServiceError ? err.kind : 'other';
}
