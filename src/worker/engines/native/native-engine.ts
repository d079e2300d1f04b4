import { Writable } from 'node:stream';
import type { Engine } from '../engine.ts';
import type { Enclosure } from './enclosure.ts';
import { endLeftovers } from './leftovers.ts';
import { newMark } from './mark.ts';
import { openPidNamespace, pidNamespaceMethods, type PidNamespaceMethod } from './pid-namespace.ts';
import { openProcessGroups } from './process-group.ts';
import { NativeSandbox } from './sandbox.ts';
import { findTools, type Tools } from './tools.ts';

/** What holds the processes of a run together; docs/platforms.md says what each is worth. */
export type Containment = 'pid-namespace' | 'process-group';

export interface NativeEngineOptions {
  /** `auto`, the default, is a PID namespace where the machine allows one. */
  readonly containment?: Containment | 'auto';
  /** Where the engine's own programs are looked for; by default the worker's PATH. */
  readonly searchPath?: string;
  /** A POSIX shell; by default /bin/sh. */
  readonly shell?: string;
}

export interface NativeEngine extends Engine {
  readonly containment: Containment;
  /** Why there is no PID namespace although one would have been taken; undefined otherwise. Worth a warning. */
  readonly fallbackReason: string | undefined;
}

/**
 * Makes the engine that runs commands on this machine as the worker's own user.
 *
 * It finds out once, by opening a sandbox and running something in it, which containment the machine allows.
 *
 * @throws Error when the containment that was asked for can not be had here
 */
export async function nativeEngine(options: NativeEngineOptions = {}): Promise<NativeEngine> {
  const { containment = 'auto', searchPath = process.env.PATH ?? '', shell = '/bin/sh' } = options;
  if (process.platform === 'win32') throw new Error('The native engine needs a POSIX system');
  const tools = findTools(shell, searchPath);
  let fallbackReason: string | undefined;
  if (containment !== 'process-group') {
    const found = await findMethod(tools);
    if (typeof found !== 'string')
      return engine('pid-namespace', tools, mark => openPidNamespace(mark, found, tools));
    if (containment === 'pid-namespace') {
      throw new Error(`The containment "pid-namespace" can not be had on this machine: ${found}`);
    }
    fallbackReason = found;
  }
  return engine('process-group', tools, mark => openProcessGroups(mark, tools), fallbackReason);
}

function engine(
  containment: Containment,
  tools: Tools,
  enclose: (mark: string) => Promise<Enclosure>,
  fallbackReason?: string,
): NativeEngine {
  return {
    name: 'native',
    containment,
    fallbackReason,
    open: async (folder, keep) => {
      const mark = newMark();
      keep?.(mark);
      return new NativeSandbox(await enclose(mark), tools, folder);
    },
    endLeftovers,
  };
}

/** The first method that works, or why none does. */
async function findMethod(tools: Tools): Promise<PidNamespaceMethod | string> {
  if (process.platform !== 'linux') return 'only Linux has PID namespaces';
  const reasons = new Set<string>();
  for (const method of pidNamespaceMethods(tools)) {
    try {
      await tryOut(method, tools);
      return method;
    } catch (error) {
      reasons.add((error as Error).message.trim());
    }
  }
  if (reasons.size === 0) return 'the programs unshare, nsenter and setsid of util-linux are needed';
  return [...reasons].join('; ');
}

async function tryOut(method: PidNamespaceMethod, tools: Tools): Promise<void> {
  const sandbox = new NativeSandbox(await openPidNamespace(newMark(), method, tools), tools, '/');
  try {
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const { exitCode } = await sandbox.run({ argv: [tools.shell, '-c', 'exit 42'], env: {}, output });
    if (exitCode !== 42) throw new Error(`a command ended with exit code ${exitCode} instead of 42`);
  } finally {
    await sandbox.close();
  }
}
