import { once } from 'node:events';
import { startProgram } from '../../setting/children.ts';
import { nowMs } from '../../setting/clock.ts';

/** Runs a POSIX shell script and returns its duration in ms. @throws Error when it fails */
export async function timedShell(script: string): Promise<number> {
  const startedMs = nowMs();
  const child = startProgram('/bin/sh', ['-c', script], {}, ['ignore', 'ignore', 'inherit']);
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`\`${script}\` ended with exit code ${code}`);
  return nowMs() - startedMs;
}
