import type { Usage } from '../../engine.ts';
import { isUnified, type RunCgroup } from './cgroup.ts';

/** Resource usage of the containers of a run, without the number of processes. */
export type CgroupUsage = Omit<Usage, 'processes'>;

/** Reads the counters of a control group; undefined where there are none. */
export function cgroupUsage(cgroup: RunCgroup): CgroupUsage | undefined {
  return isUnified() ? unified(cgroup) : separate(cgroup);
}

/** @see https://docs.kernel.org/admin-guide/cgroup-v2.html */
function unified(cgroup: RunCgroup): CgroupUsage | undefined {
  const read = (file: string) => cgroup.read('', file);
  const cpu = read('cpu.stat');
  if (cpu === undefined) return undefined;
  const memoryBytes = field(read('memory.stat'), 'anon') ?? 0;
  return {
    userMs: (field(cpu, 'user_usec') ?? 0) / 1e3,
    kernelMs: (field(cpu, 'system_usec') ?? 0) / 1e3,
    memoryBytes,
    // Since Linux 5.19.
    peakMemoryBytes: Math.max(memoryBytes, Number(read('memory.peak') ?? 0)),
    ...stored(read('io.stat'), /\brbytes=(\d+)/g, /\bwbytes=(\d+)/g),
  };
}

/** @see https://docs.kernel.org/admin-guide/cgroup-v1/ */
function separate(cgroup: RunCgroup): CgroupUsage | undefined {
  const nanoseconds = (file: string) => cgroup.read('cpuacct', file);
  const user = nanoseconds('cpuacct.usage_user');
  if (user === undefined) return undefined;
  const memoryBytes = field(cgroup.read('memory', 'memory.stat'), 'total_rss') ?? 0;
  return {
    userMs: Number(user) / 1e6,
    kernelMs: Number(nanoseconds('cpuacct.usage_sys') ?? 0) / 1e6,
    memoryBytes,
    peakMemoryBytes: Math.max(memoryBytes, Number(cgroup.read('memory', 'memory.max_usage_in_bytes') ?? 0)),
    ...stored(
      cgroup.read('blkio', 'blkio.throttle.io_service_bytes_recursive'),
      /\bRead (\d+)/g,
      /\bWrite (\d+)/g,
    ),
  };
}

/** The number that follows a name at the beginning of a line. */
function field(text: string | undefined, name: string): number | undefined {
  const line = text?.split('\n').find(line => line.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

/** Sums up the bytes read and written over all disks. */
function stored(
  text: string | undefined,
  read: RegExp,
  written: RegExp,
): Pick<Usage, 'readBytes' | 'writtenBytes'> {
  if (text === undefined) return {};
  const sum = (pattern: RegExp) =>
    Array.from(text.matchAll(pattern)).reduce((total, [, bytes]) => total + Number(bytes), 0);
  return { readBytes: sum(read), writtenBytes: sum(written) };
}
