import { rmSync } from 'node:fs';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Queue } from '../taskcluster/index.ts';
import { engineNames } from './engine-names.ts';
import type { Engine } from './engines/engine.ts';
import type { Emit } from './events.ts';
import { closeMachine, prepareMachine } from './life/machine.ts';
import { featuresOf, payloadsFor, type WorkerOptions } from './start-worker.ts';
import { diskCollector } from './stores/index.ts';
import type { LiveSecrets } from './secrets/live-secrets.ts';

/** Signals that end a process, and that a person at a terminal can send. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

interface TrialOptions extends Pick<WorkerOptions, 'config' | 'version'> {
  readonly queue: Queue;
  readonly secrets: LiveSecrets;
  /** Told of everything that a start would warn about. */
  readonly emit: Emit;
  /** Called when the engines work, before the features are tried. */
  readonly onEngines: (engines: readonly Engine[]) => void;
}

/**
 * Tries what a worker's start does on the machine: opens the engines, then the features, and closes them again. It works in
 * a temporary folder in place of the worker's own folders, which stay as they are, and asks for no work.
 *
 * @throws StartError, UnsuitableMachine as a start would
 */
export async function tryMachine({
  config,
  version,
  queue,
  secrets,
  emit,
  onEngines,
}: TrialOptions): Promise<void> {
  const folder = await mkdtemp(join(await placeFor(config), '.tcw-check-'));
  const stopListening = removeAtSignals(folder);
  try {
    // Users of tasks have to get through.
    await chmod(folder, 0o755);
    const trial = {
      ...config,
      tasksDir: join(folder, 'tasks'),
      cachesDir: join(folder, 'caches'),
      downloadsDir: join(folder, 'downloads'),
    };
    const collector = diskCollector({ tasksDir: trial.tasksDir, requiredBytes: 0, emit });
    const machine = await prepareMachine({ config: trial, emit, secrets, collector });
    try {
      onEngines(machine.engines.all);
      payloadsFor(machine.engines, { config: trial });
      await using _ = await featuresOf({ config: trial, version, secrets }, machine, queue, collector, emit);
    } finally {
      await closeMachine(machine, emit);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
    stopListening();
  }
}

/** Removes the folder also if a signal ends the process. The signal then has its usual effect. */
function removeAtSignals(folder: string): () => void {
  const stopListening = () => {
    for (const signal of SIGNALS) process.removeListener(signal, leave);
  };
  const leave = (signal: NodeJS.Signals) => {
    stopListening();
    try {
      rmSync(folder, { recursive: true, force: true });
    } catch {
      // A process may still write to it. The signal must take effect all the same.
    }
    process.kill(process.pid, signal);
  };
  for (const signal of SIGNALS) process.on(signal, leave);
  return stopListening;
}

/** The engine "user" depends on who may change the folders above `tasksDir`, so it is tried beside it. */
async function placeFor(config: WorkerOptions['config']): Promise<string> {
  if (!engineNames(config).includes('user')) return tmpdir();
  for (let folder = dirname(config.tasksDir); ; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined);
    if (found?.isDirectory() === true) return folder;
    if (folder === dirname(folder)) return tmpdir();
  }
}
