// Runs a command that prints, in a worker's sandbox with a worker's log, and for comparison with only a pipe to a file.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Secret } from '../../src/pulse/index.ts';
import { nativeEngine } from '../../src/worker/index.ts';
import { openTaskLog } from '../../src/worker/task-log/task-log.ts';
import { nowMs } from './clock.ts';
import { runFolderAt } from '../../test/run-folder-at.ts';

/** The duration of each, in ms. */
export interface LogSample {
  readonly ownMs: number;
  readonly pipeMs: number;
}

const [folder = '', rounds = '0', ...command] = process.argv.slice(2);
const secrets = Array.from({ length: 4 }, (_, index) => new Secret(`${index}`.repeat(44)));
const engine = await nativeEngine();

async function through(): Promise<number> {
  const sandbox = await engine.open({ home: runFolderAt(folder) });
  const log = await openTaskLog({ folders: [folder], name: 'log', secrets: () => secrets });
  const startedMs = nowMs();
  const env = { PATH: process.env.PATH ?? '' };
  const { exitCode } = await sandbox.run({ argv: command, env, output: log.output });
  await log.end();
  const ms = nowMs() - startedMs;
  if (exitCode !== 0) throw new Error(`the command ended with exit code ${exitCode}`);
  await sandbox.close();
  await log.remove();
  return ms;
}

async function piped(): Promise<number> {
  const [file = '', ...words] = command;
  const target = join(folder, 'pipe');
  const startedMs = nowMs();
  const child = spawn(file, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  await pipeline(child.stdout, createWriteStream(target));
  const ms = nowMs() - startedMs;
  await rm(target);
  return ms;
}

process.once('disconnect', () => process.exit());
for (let round = 0; round < Number(rounds); round++) {
  const sample: LogSample = { ownMs: await through(), pipeMs: await piped() };
  process.send?.(sample);
}
process.disconnect?.();
