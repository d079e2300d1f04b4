import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { ContainerPart } from '../../../src/worker/engines/container.ts';
import type { Sandbox } from '../../../src/worker/engines/engine.ts';
import { makeRunFolder } from '../../../src/worker/files/run-folder.ts';
import { nowMs } from '../../setting/clock.ts';
import type { EngineSetting } from './setting.ts';

/** The environment of commands in the benchmark's image. */
export const ENV = { PATH: '/bin' };

/** Opens a sandbox of the Docker engine for one run, in its own folder. */
export async function openRun(
  { engine, folder, image }: Pick<EngineSetting, 'engine' | 'folder' | 'image'>,
  part: ContainerPart = {},
): Promise<Sandbox> {
  const home = await makeRunFolder(join(folder, `run-${randomUUID()}`));
  return engine.open({ home, container: { image: image.id, ...part } });
}

/** Removes everything that a run has in the engine, as a worker does at the end of a run. */
export async function endRun(sandbox: Sandbox): Promise<void> {
  await sandbox.close();
  await sandbox.remove?.();
}

/** An output that discards everything and records when its first bytes arrived. */
function nowhere(): { readonly output: Writable; readonly firstMs: Promise<number> } {
  const { promise, resolve } = Promise.withResolvers<number>();
  const output = new Writable({
    write: (_chunk, _encoding, done) => {
      resolve(nowMs());
      done();
    },
  });
  return { output, firstMs: promise };
}

/** Runs a command to its end and returns the time of its first output. @throws Error when it fails */
export async function runWell(sandbox: Sandbox, argv: readonly string[]): Promise<number> {
  const { output, firstMs } = nowhere();
  const { exitCode } = await sandbox.run({ argv, env: ENV, output });
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with exit code ${exitCode}`);
  return Promise.race([firstMs, Promise.resolve(Number.NaN)]);
}
