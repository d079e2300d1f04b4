import { readProcFile } from '../../processes/index.ts';

/**
 * How many processes the kernel has killed so far for lack of memory; 0 where it does not count them (vmstat, Linux 4.13).
 */
export function outOfMemoryKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readProcFile('/proc/vmstat') ?? '')?.[1] ?? 0);
  } catch {
    return 0;
  }
}
