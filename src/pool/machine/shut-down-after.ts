import type { WorkerConfig } from '../../worker/config/index.ts';
import type { Note } from '../note.ts';
import { shutDownMachine } from './shut-down.ts';
import { wantsShutdown } from './wants-shutdown.ts';

type MachineConfig = Pick<
  WorkerConfig,
  'shutdownMachineOnIdle' | 'shutdownMachineOnInternalError' | 'shutdownMachineCommand'
>;

/** Shuts the machine down if the exit code and the configuration require it. Never throws. */
export async function shutDownAfter(exitCode: number, config: MachineConfig, note: Note): Promise<void> {
  if (wantsShutdown(exitCode, config)) await shutDownNow(exitCode, config, note);
}

/** Shuts the machine down after the worker ended with this exit code. Never throws. */
export async function shutDownNow(exitCode: number, config: MachineConfig, note: Note): Promise<void> {
  note('info', 'shutting the machine down', { exitCode });
  const problem = await shutDownMachine(config.shutdownMachineCommand).catch(String);
  if (problem === undefined) return;
  const hint = isRoot()
    ? ''
    : '. This worker does not run as root: set shutdownMachineCommand to a command that it is allowed to run';
  note('error', `the machine could not be shut down${hint}`, { problem });
}

/** Warns at the start if the worker will probably be unable to shut its machine down. */
export function warnOfShutdown(config: MachineConfig, note: Note): void {
  const { shutdownMachineOnIdle, shutdownMachineOnInternalError, shutdownMachineCommand } = config;
  if (shutdownMachineCommand || isRoot() || !(shutdownMachineOnIdle || shutdownMachineOnInternalError))
    return;
  note(
    'warn',
    'this worker must shut its machine down but does not run as root: set shutdownMachineCommand to a command that it is allowed to run',
  );
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}
