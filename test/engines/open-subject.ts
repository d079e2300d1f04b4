import { realpath } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import type { Command, Sandbox } from '../../src/worker/engines/engine.ts';
import { Log, newFolder } from './native-fixtures.ts';
import { runFolderAt } from '../run-folder-at.ts';
import type { Argv, Subject } from './subject.ts';

export interface Opened {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly traces: readonly string[];
  readonly run: (argv: Argv, more?: Partial<Command>) => Promise<{ exitCode: number; text: string }>;
}

export async function open({ engine, container, tasksDir }: Subject): Promise<Opened> {
  const folder = await realpath(await newFolder(tasksDir));
  const traces: string[] = [];
  const sandbox = await engine.open({
    home: runFolderAt(folder),
    keep: trace => void traces.push(trace),
    ...(container && { container: container(folder) }),
  });
  onTestFinished(async () => {
    await sandbox.close();
    await sandbox.remove?.();
  });
  const run: Opened['run'] = async (argv, more) => {
    const output = new Log();
    const { exitCode } = await sandbox.run({ argv, env: ENV, output, ...more });
    return { exitCode, text: output.text };
  };
  return { sandbox, folder, traces, run };
}

export const ENV = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin' };
