import type { AdditionalData } from './additional-data.ts';

/** What a worker certifies about a run. */
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
  /** What else the worker knows of where the commands ran, such as `imageHash`, by name. */
  readonly environment?: ReadonlyMap<string, string>;
}

/** The configuration of the worker's machine, as far as it is known. */
export interface CertifiedMachine {
  readonly publicIP?: string | undefined;
  readonly privateIP?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly instanceType?: string | undefined;
  readonly region?: string | undefined;
}

/** Only the worker says these of its machine. A task may say more, such as the hash of an image, unless the worker knows it. */
const OF_THE_MACHINE: ReadonlySet<string> = new Set([
  'publicIpAddress',
  'privateIpAddress',
  'instanceId',
  'instanceType',
  'region',
]);

/**
 * Writes `chain-of-trust.json`: the members and their order, and the indent, are generic-worker's. Nothing that the worker
 * certifies comes from the task: where the additional data says the same, the worker's value stays.
 *
 * @param additional what the task wants to have in it
 */
export function chainOfTrustDocument(run: CertifiedRun, additional: AdditionalData = {}): string {
  const { environment: more = new Map<string, string>() } = run;
  const { publicIP, privateIP = '', instanceId = '', instanceType = '', region = '' } = run.machine;
  const names = [...run.artifacts.keys()].sort();
  const certified: Readonly<Record<string, unknown>> = {
    chainOfTrustVersion: 1,
    // A name may be `__proto__`, which an assignment would lose.
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

/** The members of an object that have none of these names. Of anything that is no object there are none. */
function without(names: ReadonlySet<string>, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.has(name)));
}
