import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chmodSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { newEd25519Key } from '../../src/base/index.ts';
import { PROPERTIES } from '../../src/worker/config/index.ts';
import { fromRunner } from '../config/pool-configs.ts';
import { start } from './tcw.ts';
import { workerLines } from './worker-lines.ts';
import { queueForWorkers } from './workers.ts';

/**
 * A `tcw run --config FILE` of a pool, with the file that worker-runner writes for it, on an embedded queue. The folders, the key and
 * the identity are those of the test; everything else is as the pool has it. It ends with the test.
 */
export async function poolWorker(pool: object, { within = tmpdir() }: { readonly within?: string } = {}) {
  const here = await queueForWorkers();
  onTestFinished(() => here.close());
  const folder = await mkdtemp(join(within, 'tcw-pool-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  chmodSync(folder, 0o755);
  const keyFile = join(folder, 'key');
  await writeFile(keyFile, newEd25519Key().reveal(), { mode: 0o600 });
  const file = join(folder, 'config');
  const config = {
    ...pool,
    ...fromRunner,
    rootURL: `${here.local.rootUrl}/`,
    clientId: 'worker',
    accessToken: here.environment.TCW_ACCESS_TOKEN,
    provisionerId: 'test',
    workerType: 'processes',
    workerGroup: 'group',
    ed25519SigningKeyLocation: keyFile,
    tasksDir: join(folder, 'tasks'),
    cachesDir: join(folder, 'caches'),
    downloadsDir: join(folder, 'downloads'),
    // Tests run on machines with little disk, too.
    requiredDiskSpaceMegabytes: 1,
    // A worker that ends otherwise than the test expects does not shut down the machine of the test.
    ...(PROPERTIES.has('shutdownMachineCommand') && { shutdownMachineCommand: ['true'] }),
  };
  await writeFile(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });

  const child = start(['run', '--config', file]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const { exited, lines } = workerLines(child);
  return {
    here,
    folder,
    /** Every line that it has logged so far. */
    lines,
    /** The text of each warning, and of each error, so far. */
    warnings: () => lines().flatMap(({ level, msg }) => (level === 'warn' || level === 'error' ? [msg] : [])),
    listening: () => expect.poll(lines).toContainEqual(expect.objectContaining({ msg: 'worker listening' })),
    /** Stops it as a service manager does. */
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    exited,
  };
}

/** What a pool's worker warned of because it does not act on a property. */
export function withoutAnyEffect(warnings: readonly string[]): string[] {
  return warnings.filter(warning => /effect|obsolete/.test(warning));
}
