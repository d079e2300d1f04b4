import type { Secret } from '../../base/index.ts';
import type { Emit } from '../events.ts';
import type { Collector } from './collector.ts';
import { openDownloads, type Downloads } from './downloads/index.ts';
import { openedOnce } from './opened-once.ts';

/** The configuration that downloads need. */
export interface DownloadsConfig {
  readonly accessToken: Secret;
  readonly downloadsDir: string;
  /** In seconds. */
  readonly maxTaskRunTime: number;
}

/** The downloads of one worker, for all of its features. Opened by the first feature that needs them. */
export function workerDownloads(
  { accessToken, downloadsDir, maxTaskRunTime }: DownloadsConfig,
  { emit, collector }: { readonly emit: Emit; readonly collector: Collector },
): AsyncDisposable & { readonly get: () => Promise<Downloads> } {
  return openedOnce(collector, () =>
    openDownloads(downloadsDir, {
      secret: accessToken,
      makeRoom: () => collector.makeRoom(),
      // A task's own maxRunTime does not limit the time for mounting.
      limits: { longestMs: maxTaskRunTime * 1_000 },
      onProblem: problem => {
        emit({ type: 'downloads-problem', problem });
      },
    }),
  );
}
