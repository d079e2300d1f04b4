import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What runs say of themselves, seen from outside any worker: a file that each of them appends to. */
export interface Witness {
  /** A command that says in the witness when it begins and ends, and does something between. */
  command(script: string): string[];
  /** `start 0`, `end 0`, `start 1` …: the run's number behind what it did, in their order. */
  said(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function witness(): Promise<Witness> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-witness-'));
  const file = join(folder, 'said');
  const say = (what: string) => `echo "${what} $RUN_ID" >> '${file}'`;
  return {
    command: script => ['sh', '-c', `${say('start')}; ${script}; ${say('end')}`],
    said: async () => {
      const text = await readFile(file, 'utf8').catch(() => '');
      return text.split('\n').filter(line => line !== '');
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
