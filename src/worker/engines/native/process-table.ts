import { readdirSync, readFileSync } from 'node:fs';

/** A process as the system lists it. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** The pid of the session's leader; absent where the system does not tell. */
  readonly session?: number;
  /** Whether it has ended and only waits to be reaped by its parent. */
  readonly zombie: boolean;
  /** When it started, in the system's own words: tells a process from a later one with the same pid. */
  readonly started: string;
}

/** All processes of the machine that this process may see. */
export async function readProcessTable(): Promise<ProcessRow[]> {
  return process.platform === 'linux' ? readProcFolder('/proc') : await askPs();
}

/** Reads a /proc folder; see proc(5). A process that ends meanwhile is left out. */
export function readProcFolder(folder: string): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const name of readdirSync(folder)) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readIfThere(`${folder}/${name}/stat`);
    if (stat === undefined) continue;
    // The program's name, in brackets, may hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, parent, group, session] = fields;
    rows.push({
      pid: Number(name),
      parent: Number(parent),
      group: Number(group),
      session: Number(session),
      zombie: state === 'Z' || state === 'X',
      started: fields[19] ?? '',
    });
  }
  return rows;
}

/** Whether a child of ours runs, told by the kernel: Node hears of an end a little later. Elsewhere than on Linux: yes. */
export function isRunning(pid: number): boolean {
  if (process.platform !== 'linux') return true;
  const stat = readIfThere(`/proc/${pid}/stat`) ?? '';
  const state = stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
  return state !== '' && state !== 'Z' && state !== 'X';
}

/** Asks ps(1), with the columns that POSIX has and the start time of the BSDs and Linux. */
export async function askPs(): Promise<ProcessRow[]> {
  const columns = ['pid', 'ppid', 'pgid', 'stat', 'lstart'].flatMap(name => ['-o', `${name}=`]);
  const { execa } = await import('execa');
  const { stdout } = await execa('ps', ['-A', ...columns]);
  return stdout.split('\n').map(line => {
    const [pid, parent, group, state = '', ...started] = line.trim().split(/\s+/);
    return {
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      zombie: state.startsWith('Z'),
      started: started.join(' '),
    };
  });
}

/** The environment of a process, as it was when its program started; empty when it can not be read. */
export function environmentOf(pid: number): string[] {
  return readIfThere(`/proc/${pid}/environ`)?.split('\0') ?? [];
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}
