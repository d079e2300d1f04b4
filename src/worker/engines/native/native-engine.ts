import { release } from 'node:os';
import { Writable } from 'node:stream';
import { hostFiles } from '../../files/host-files.ts';
import type { Capability, Engine } from '../engine.ts';
import { withDetectedCapabilities } from './processes/detect-capabilities.ts';
import { endLeftovers } from './leftovers.ts';
import { limitLines, processLimit, type ProcessLimit } from './pid-namespace/limits.ts';
import type { LaunchOptions } from './launcher/launcher.ts';
import { newMark } from './processes/mark.ts';
import type { Opener } from './launcher/opener.ts';
import { pidNamespaceMethods, type PidNamespaceMethod } from './pid-namespace/namespace-methods.ts';
import { namespaceOpener, openPidNamespace } from './pid-namespace/pid-namespace.ts';
import { openProcessGroups } from './process-group/process-group.ts';
import { NativeSandbox } from './sandbox.ts';
import { prepareOneAhead, onDemand, type Enclosures } from './enclosures.ts';
import { findTools, type Tools } from './launcher/tools.ts';

/** Capabilities on every platform. */
const OWN: readonly Capability[] = ['host-files', 'own-user', 'background'];

/** How the processes of a run are contained; docs/platforms.md compares both. */
export type Containment = 'pid-namespace' | 'process-group';

export interface NativeEngineOptions {
  /** Default: `auto`, a PID namespace where the machine allows one. */
  readonly containment?: Containment | 'auto';
  /** Limit for processes and threads of a run. Default: the system's. */
  readonly maxProcesses?: number;
  /** Whether the next run's enclosure is prepared in advance. Close such an engine, or the process stays. */
  readonly ahead?: boolean;
  /** Whether commands can have a separate standard error ({@link Command.errors}). */
  readonly separateErrors?: boolean;
  /** Search path for the engine's own programs. Default: the worker's PATH. */
  readonly searchPath?: string;
  /** A POSIX shell. Default: /bin/sh. */
  readonly shell?: string;
}

export interface NativeEngine extends Engine {
  open(...options: Parameters<Engine['open']>): Promise<NativeSandbox>;
  readonly containment: Containment;
  /** Why `auto` found no PID namespace; undefined otherwise. Worth a warning. */
  readonly fallbackReason: string | undefined;
  /** Why `maxProcesses` cannot be enforced; undefined otherwise. Worth a warning. */
  readonly unlimitedReason: string | undefined;
}

/**
 * Makes the engine that runs commands on this machine as the worker's own user.
 *
 * It finds out once which containment the machine allows, by running a command in a sandbox.
 *
 * @throws Error when the requested containment is not available
 */
export async function nativeEngine(options: NativeEngineOptions = {}): Promise<NativeEngine> {
  const {
    containment = 'auto',
    maxProcesses,
    ahead = false,
    separateErrors = false,
    searchPath = process.env.PATH ?? '',
    shell = '/bin/sh',
  } = options;
  if (process.platform === 'win32') throw new Error('The native engine needs a POSIX system');
  const tools = findTools(shell, searchPath);
  const limitFor = (kind: Containment) => {
    if (maxProcesses === undefined) return undefined;
    const inNamespace = kind === 'pid-namespace';
    return processLimit(maxProcesses, { inNamespace, uid: process.getuid?.(), kernel: release() });
  };
  const enclosures = ahead ? prepareOneAhead : onDemand;
  let fallbackReason: string | undefined;
  if (containment !== 'process-group') {
    const limit = limitFor('pid-namespace');
    const wanted = { tools, separateErrors, limit: typeof limit === 'string' ? undefined : limit };
    const found = await findMethod(wanted);
    if (typeof found !== 'string') {
      const reason = typeof limit === 'string' ? limit : found.unlimitedReason;
      const held = reason === undefined ? (limit as ProcessLimit | undefined) : undefined;
      const { opener } = found;
      const places = enclosures(mark => openPidNamespace(mark, opener));
      const close = async () => {
        await places.close();
        opener.close();
      };
      const { capabilities } = found;
      const findings = { capabilities, limit: held, unlimitedReason: reason };
      return engine('pid-namespace', { tools, separateErrors }, { ...places, close }, findings);
    }
    if (containment === 'pid-namespace') {
      throw new Error(`The containment "pid-namespace" does not work on this machine: ${found}`);
    }
    fallbackReason = found;
  }
  const limit = limitFor('process-group');
  return engine(
    'process-group',
    { tools, separateErrors },
    enclosures(mark => openProcessGroups(mark, { tools, separateErrors })),
    {
      // A run's processes have the worker's own user, and no more rights than the worker.
      capabilities: await withDetectedCapabilities(OWN, process.pid),
      fallbackReason,
      ...(typeof limit === 'string' ? { unlimitedReason: limit } : { limit }),
    },
  );
}

interface Findings {
  readonly capabilities: ReadonlySet<Capability>;
  readonly limit?: ProcessLimit | undefined;
  readonly fallbackReason?: string | undefined;
  readonly unlimitedReason?: string | undefined;
}

function engine(
  containment: Containment,
  launching: Pick<LaunchOptions, 'tools' | 'separateErrors'>,
  enclosures: Enclosures,
  { capabilities, limit, fallbackReason, unlimitedReason }: Findings,
): NativeEngine {
  const limits = limitLines(limit);
  return {
    name: 'native',
    capabilities,
    containment,
    fallbackReason,
    unlimitedReason,
    formats: ['generic-worker'],
    hostAddress: 'localhost',
    open: async ({ home, keep }) => {
      const { mark, enclosure } = await enclosures.take();
      keep?.(mark);
      return new NativeSandbox(enclosure, hostFiles(home.path), { ...launching, folder: home.path, limits });
    },
    close: () => enclosures.close(),
    endLeftovers,
  };
}

interface Found {
  readonly opener: Opener;
  readonly capabilities: ReadonlySet<Capability>;
  /** Why it works only without the limit; undefined if it works with the limit. */
  readonly unlimitedReason?: string;
}

/** Requirements for a method. */
interface Wanted {
  readonly tools: Tools;
  readonly separateErrors: boolean;
  readonly limit: ProcessLimit | undefined;
}

/** The first method that works, preferably with the limit, or the reason why none does. */
async function findMethod(wanted: Wanted): Promise<Found | string> {
  if (process.platform !== 'linux') return 'only Linux has PID namespaces';
  const methods = pidNamespaceMethods(wanted.tools);
  if (methods.length === 0) return 'the programs unshare, nsenter and setsid of util-linux are needed';
  const found = await firstWorking(methods, wanted);
  if (typeof found !== 'string' || wanted.limit === undefined) return found;
  const unlimited = await firstWorking(methods, { ...wanted, limit: undefined });
  return typeof unlimited === 'string' ? unlimited : { ...unlimited, unlimitedReason: found };
}

async function firstWorking(methods: readonly PidNamespaceMethod[], wanted: Wanted): Promise<Found | string> {
  const reasons = new Set<string>();
  for (const method of methods) {
    const opener = namespaceOpener(method, wanted);
    try {
      return { opener, capabilities: await trialRun(opener, wanted) };
    } catch (error) {
      opener.close();
      reasons.add((error as Error).message.trim());
    }
  }
  return [...reasons].join('; ');
}

/** Runs a command in a namespace. @returns the detected capabilities */
async function trialRun(
  opener: Opener,
  { tools, separateErrors, limit }: Wanted,
): Promise<ReadonlySet<Capability>> {
  const enclosure = await openPidNamespace(newMark(), opener);
  const files = hostFiles('/');
  const sandbox = new NativeSandbox(enclosure, files, {
    tools,
    separateErrors,
    folder: '/',
    limits: limitLines(limit),
  });
  try {
    const output = new Writable({ write: (_chunk, _encoding, done) => done() });
    const { exitCode } = await sandbox.run({ argv: [tools.shell, '-c', 'exit 42'], env: {}, output });
    if (exitCode !== 42) throw new Error(`a command ended with exit code ${exitCode} instead of 42`);
    return await withDetectedCapabilities(OWN, enclosure.firstProcess);
  } finally {
    await sandbox.close();
  }
}
