import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { readProcFile } from './proc-file.ts';

/**
 * Identifies a process for the machine's whole uptime: its boot, the namespaces of its pid and start time, the pid, and the
 * start time. A pid alone is reused. No other process can remove or claim the identity.
 */
const WORD = /^([0-9a-f]{8})-([0-9a-f]{8})-(\d{1,10})-(\d{1,20})(?=-|$)/;

/** Stands for an unknown boot or unknown namespaces. */
const UNKNOWN = '00000000';

let own: string | undefined;

/** The identity of this process. */
export function ownLife(): string {
  own ??= [...place(), process.pid, startOf(process.pid) ?? 0].join('-');
  return own;
}

/** The identity at the beginning of a text. */
export function lifeOf(text: string): string | undefined {
  return WORD.exec(text)?.[0];
}

/** Whether the process with the identity at the beginning of a text is alive; undefined where that is unknown. */
export function isAlive(text: string): boolean | undefined {
  const [, boot, namespaces, pid = '', start] = WORD.exec(text) ?? [];
  const [ownBoot, ownNamespaces] = ownLife().split('-');
  if (boot === undefined || ownBoot === UNKNOWN || boot === UNKNOWN) return undefined;
  // No process outlives the boot of its machine.
  if (boot !== ownBoot) return false;
  if (ownNamespaces === UNKNOWN || namespaces !== ownNamespaces) return undefined;
  try {
    return startOf(Number(pid)) === start;
  } catch {
    return undefined;
  }
}

function place(): [boot: string, namespaces: string] {
  try {
    // A process can see another namespace's /proc, where its own pid is another process's.
    if (readlinkSync('/proc/self') !== String(process.pid)) return [UNKNOWN, UNKNOWN];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
    const namespaces = ['pid', 'time'].map(name => linkOf(`/proc/self/ns/${name}`)).join();
    return [boot, createHash('sha256').update(namespaces).digest('hex').slice(0, 8)];
  } catch {
    return [UNKNOWN, UNKNOWN];
  }
}

/** Linux before 5.6 has no namespaces of time. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** When a process started, in the system's units; undefined when it has ended. */
export function startOf(pid: number): string | undefined {
  const stat = readProcFile(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return /^[ZX]/.test(fields[0] ?? '') ? undefined : fields[19];
}
