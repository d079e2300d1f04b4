import { Writable } from 'node:stream';
import { makeRunFolder, removeRunFolder } from '../../files/run-folder.ts';
import type { Capability, SandboxOptions } from '../engine.ts';
import { withDetectedCapabilities } from '../native/index.ts';
import type { UserSandbox } from './user-sandbox.ts';

const CAPABILITIES: readonly Capability[] = ['host-files', 'background', 'task-users'];

/** Runs a command as a new user in a run's folder. @returns the detected capabilities */
export async function trialRun(
  tasksDir: string,
  openSandbox: (options: SandboxOptions) => Promise<UserSandbox>,
): Promise<ReadonlySet<Capability>> {
  const home = await makeRunFolder(`${tasksDir}/.tcw-try-${process.pid}`);
  try {
    const sandbox = await openSandbox({ home });
    try {
      const output = new Writable({ write: (_chunk, _encoding, done) => done() });
      const argv = ['/bin/sh', '-c', '[ "$(id -u)" != 0 ] && touch it && exit 42'];
      const { exitCode } = await sandbox.run({ argv, env: { PATH: '/usr/bin:/bin' }, output });
      if (exitCode !== 42) throw new Error(`a command ended with exit code ${exitCode} instead of 42`);
      return await withDetectedCapabilities(CAPABILITIES, sandbox.firstProcess);
    } finally {
      await sandbox.close();
    }
  } finally {
    await removeRunFolder(home);
  }
}
