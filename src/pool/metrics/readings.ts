import type { RunningWorker, WorkerConfig } from '../../worker/index.ts';
import { diskSpace } from '../../worker/index.ts';
import { PROBLEM_KINDS, type HealthReport } from '../health/index.ts';
import type { Measured } from './measured.ts';
import type { Reading } from './measures.ts';

type Identity = Pick<WorkerConfig, 'provisionerId' | 'workerType' | 'workerGroup' | 'workerId' | 'tasksDir'>;

export interface ReadingsOf {
  readonly config: Identity;
  readonly version: string;
  readonly health: () => HealthReport;
  readonly measured: Measured;
  readonly stores: () => ReturnType<RunningWorker['stores']>;
}

/** Returns the gauges that can be read at any time without waiting. */
export function readings({ config, version, health, measured, stores }: ReadingsOf): Reading[] {
  const { canWork, isReady, pulse, slots, problems } = health();
  const identity = {
    version,
    worker_pool: `${config.provisionerId}/${config.workerType}`,
    worker_group: config.workerGroup,
    worker_id: config.workerId,
  };
  const left = measured.reclaimLeftSeconds;
  return [
    { name: 'tcw_info', value: 1, labels: identity },
    { name: 'tcw_can_work', value: Number(canWork) },
    { name: 'tcw_ready', value: Number(isReady) },
    { name: 'tcw_pulse_connected', value: Number(pulse === 'up') },
    { name: 'tcw_slots', value: slots.busy, labels: { state: 'busy' } },
    { name: 'tcw_slots', value: slots.free, labels: { state: 'free' } },
    { name: 'tcw_slots', value: slots.outOfService, labels: { state: 'out-of-service' } },
    ...PROBLEM_KINDS.map((kind): Reading => {
      const isThere = problems.some(problem => problem.kind === kind);
      return { name: 'tcw_problem', value: Number(isThere), labels: { kind } };
    }),
    ...(left === undefined ? [] : [{ name: 'tcw_reclaim_left_seconds', value: left } as const]),
    ...stores().flatMap(({ folder, entries, bytes }): Reading[] => [
      { name: 'tcw_store_entries', value: entries, labels: { folder } },
      { name: 'tcw_store_known_bytes', value: bytes, labels: { folder } },
    ]),
  ];
}

/**
 * Returns the size and free space of the disks that hold the worker's folders. Leaves out disks that cannot be read.
 */
export async function diskReadings({ config, stores }: ReadingsOf): Promise<Reading[]> {
  const folders = new Set([config.tasksDir, ...stores().map(({ folder }) => folder)]);
  const spaces = await Promise.allSettled(Array.from(folders, diskSpace));
  return spaces.flatMap((space): Reading[] => {
    if (space.status === 'rejected') return [];
    const { folder, freeBytes, totalBytes } = space.value;
    return [
      { name: 'tcw_disk_free_bytes', value: freeBytes, labels: { folder } },
      { name: 'tcw_disk_size_bytes', value: totalBytes, labels: { folder } },
    ];
  });
}
