import { readProcFile } from '../../processes/index.ts';

/** How many processes the kernel has ended so far because memory ran out; 0 where it does not tell (vmstat, Linux 4.13). */
export function outOfMemoryKills(): number {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readProcFile('/proc/vmstat') ?? '')?.[1] ?? 0);
  } catch {
    return 0;
  }
}
