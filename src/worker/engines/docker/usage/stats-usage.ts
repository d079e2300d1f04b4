import type { Usage } from '../../engine.ts';
import type { DockerClient } from '../api/index.ts';

/** The parts of the engine's statistics that are used here. */
interface Stats {
  readonly cpu_stats: {
    /** In ns. */
    readonly cpu_usage: { readonly usage_in_usermode?: number; readonly usage_in_kernelmode?: number };
  };
  readonly memory_stats: {
    readonly max_usage?: number;
    readonly stats?: { readonly total_rss?: number; readonly anon?: number };
  };
  readonly blkio_stats: {
    readonly io_service_bytes_recursive?: readonly { readonly op: string; readonly value: number }[] | null;
  };
  readonly pids_stats: { readonly current?: number };
}

/**
 * Asks the engine for the usage of a container whose control group is not readable. After the container's end there is no
 * answer.
 */
export async function statsUsage(client: DockerClient, containerId: string): Promise<Usage> {
  const stats = await client.json<Stats>({
    method: 'GET',
    path: `/containers/${containerId}/stats`,
    query: { stream: false, 'one-shot': true },
  });
  const { usage_in_usermode = 0, usage_in_kernelmode = 0 } = stats.cpu_stats.cpu_usage;
  const { max_usage = 0, stats: { total_rss, anon } = {} } = stats.memory_stats;
  const memoryBytes = anon ?? total_rss ?? 0;
  const io = stats.blkio_stats.io_service_bytes_recursive;
  const sum = (wanted: string) =>
    (io ?? []).reduce((total, { op, value }) => (op.toLowerCase() === wanted ? total + value : total), 0);
  return {
    userMs: usage_in_usermode / 1e6,
    kernelMs: usage_in_kernelmode / 1e6,
    memoryBytes,
    peakMemoryBytes: Math.max(memoryBytes, max_usage),
    ...(io && { readBytes: sum('read'), writtenBytes: sum('write') }),
    processes: withoutInit(stats.pids_stats.current ?? 0),
  };
}

/** The container's first process is the engine's init. */
export function withoutInit(processes: number): number {
  return Math.max(0, processes - 1);
}
