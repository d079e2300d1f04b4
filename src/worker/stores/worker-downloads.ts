import type { Secret } from '../../base/index.ts';
import type { Tell } from '../events.ts';
import type { Collector } from './collector.ts';
import { openDownloads, type Downloads } from './downloads/index.ts';
import { openedOnce } from './opened-once.ts';

/** What the downloads need of a worker's configuration. */
export interface DownloadsConfig {
  readonly accessToken: Secret;
  readonly downloadsDir: string;
  /** In seconds. */
  readonly maxTaskRunTime: number;
}

/** The downloads of one worker, for all of its features. Opened by the first that needs them. */
export function workerDownloads(
  { accessToken, downloadsDir, maxTaskRunTime }: DownloadsConfig,
  { tell, collector }: { readonly tell: Tell; readonly collector: Collector },
): AsyncDisposable & { readonly get: () => Promise<Downloads> } {
  return openedOnce(collector, () =>
    openDownloads(downloadsDir, {
      secret: accessToken,
      makeRoom: () => collector.makeRoom(),
      // The time of mounting is not limited by a task's own maxRunTime.
      limits: { longestMs: maxTaskRunTime * 1_000 },
      onProblem: problem => {
        tell({ type: 'downloads-problem', problem });
      },
    }),
  );
}
