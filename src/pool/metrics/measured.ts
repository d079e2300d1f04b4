import { ServiceError } from '../../taskcluster/index.ts';
import type { WorkerNews } from '../../worker/index.ts';
import type { Instruments } from './measures.ts';
import { runsMeasured } from './runs-measured.ts';

export interface Measured {
  readonly see: (news: WorkerNews) => void;
  /** The time that was left on a claim at the most recent renewal, in seconds. */
  readonly reclaimLeftSeconds: number | undefined;
}

/** Events that happen with every task. They have their own metrics and are no incidents. */
const ORDINARY: ReadonlySet<WorkerNews['type']> = new Set(['reported', 'reclaimed', 'uploaded']);

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
    see: news => {
      runs(news);
      if (news.type === 'worker' || news.type === 'run') return;
      if (!ORDINARY.has(news.type)) add('tcw_incidents_total', 1, { type: news.type });
      switch (news.type) {
        case 'claim-work-failed':
          add('tcw_claim_work_failures_total', 1, { kind: kindOf(news.err) });
          break;
        case 'reclaimed':
          add('tcw_reclaims_total');
          record('tcw_reclaim_lag_seconds', news.lagMs / 1_000);
          reclaimLeftSeconds = news.leftMs / 1_000;
          break;
        case 'reclaim-failed':
          add('tcw_reclaim_failures_total');
          break;
        case 'uploaded':
          add('tcw_uploads_total');
          add('tcw_upload_bytes_total', news.bytes);
          add('tcw_upload_retries_total', news.tries - 1);
          record('tcw_upload_duration_seconds', news.tookMs / 1_000);
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
          add('tcw_store_freed_bytes_total', news.freedBytes);
          break;
      }
    },
  };
}

function kindOf(err: unknown): string {
  return err instanceof ServiceError ? err.kind : 'other';
}
