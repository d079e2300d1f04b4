// The other end of a lifeline (lifeline.ts). This separate process outlives a killed test run just long enough to end
// the processes that the run has started.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, rmSync } from 'node:fs';
import type { LifelinePlan } from './lifeline.ts';

const plan = JSON.parse(process.argv[2] ?? '') as LifelinePlan;
const log = openSync(plan.log, 'a');

const children = plan.processes.map(({ command, args, env }) =>
  // Each process gets its own group, so that children of a start script can be killed, too.
  spawn(command, args, { env, detached: true, stdio: ['ignore', log, log] }),
);

const failure = await Promise.race([
  ...children.map(ending),
  once(process.stdin.resume(), 'close').then(() => undefined),
  ...['SIGTERM', 'SIGINT', 'SIGHUP'].map(signal => once(process, signal).then(() => undefined)),
]);
process.stdin.destroy();

// The process that was started last is ended first, because it may need the others until its end.
for (const child of children.toReversed()) {
  if (child.pid === undefined) continue;
  killGroup(child.pid);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}
for (const { command, args } of plan.farewell) spawnSync(command, args, { stdio: 'ignore' });

// Without the parent, there may be no reader.
process.stdout.on('error', () => undefined);
if (failure !== undefined) process.stdout.write(`${failure}\n${lastLines(plan.log)}`);
rmSync(plan.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });

async function ending(child: ChildProcess): Promise<string> {
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    return `${child.spawnfile} ended by itself (${signal ?? `exit code ${code}`})`;
  } catch (error) {
    return String(error);
  }
}

function lastLines(file: string): string {
  return readFileSync(file, 'utf8').split('\n').slice(-40).join('\n');
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // No process is left in the group.
  }
}
