import type { AdditionalData } from './additional-data.ts';

/** The facts that a worker certifies about a run. */
export interface CertifiedRun {
  /** Hexadecimal SHA-256 of each artifact's content before any encoding, by name. */
  readonly artifacts: ReadonlyMap<string, string>;
  /** The task's definition, as the queue gave it. */
  readonly task: object;
  readonly taskId: string;
  readonly runId: number;
  readonly workerGroup: string;
  readonly workerId: string;
  readonly machine: CertifiedMachine;
  /** Other facts about the environment of the commands, such as `imageHash`, by name. */
  readonly environment?: ReadonlyMap<string, string>;
}

/** Facts about the worker's machine, as far as they are known. */
export interface CertifiedMachine {
  readonly publicIP?: string | undefined;
  readonly privateIP?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly instanceType?: string | undefined;
  readonly region?: string | undefined;
}

/**
 * Only the worker may set these facts about its machine. A task may add others, such as the hash of an image,
 * unless the worker knows them.
 */
const OF_THE_MACHINE: ReadonlySet<string> = new Set([
  'publicIpAddress',
  'privateIpAddress',
  'instanceId',
  'instanceType',
  'region',
]);

/**
 * Creates the text of `chain-of-trust.json`. Its members, their order and the indentation are generic-worker's.
 * Nothing that the worker certifies comes from the task: if the additional data has the same member, the
 * worker's value stays.
 *
 * @param additional members that the task adds
 */
export function chainOfTrustDocument(run: CertifiedRun, additional: AdditionalData = {}): string {
  const { environment: more = new Map<string, string>() } = run;
  const { publicIP, privateIP = '', instanceId = '', instanceType = '', region = '' } = run.machine;
  const names = [...run.artifacts.keys()].sort();
  const certified: Readonly<Record<string, unknown>> = {
    chainOfTrustVersion: 1,
    // An assignment would lose a name such as `__proto__`.
    artifacts: Object.fromEntries(names.map(name => [name, { sha256: run.artifacts.get(name) }])),
    task: run.task,
    taskId: run.taskId,
    runId: run.runId,
    workerGroup: run.workerGroup,
    workerId: run.workerId,
    environment: {
      ...(publicIP !== undefined && { publicIpAddress: publicIP }),
      privateIpAddress: privateIP,
      instanceId,
      instanceType,
      region,
      ...Object.fromEntries(more),
      ...without(new Set([...OF_THE_MACHINE, ...more.keys()]), additional.environment),
    },
  };
  const others = without(new Set(Object.keys(certified)), additional);
  return JSON.stringify({ ...certified, ...others }, undefined, 2);
}

/** Returns the members of an object except those with these names. For any other value, nothing. */
function without(names: ReadonlySet<string>, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.has(name)));
}
