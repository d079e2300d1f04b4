import type { RegisterWorkerRequest } from '../../taskcluster/index.ts';

/** The name of a worker in its deployment. */
export interface WorkerName {
  readonly workerPoolId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

/** Which worker this machine is, and in which deployment and provider worker-manager finds it. */
export interface Identity extends WorkerName {
  readonly rootUrl: string;
  /** The deployment's name for the provider, such as `community-tc-aws`. */
  readonly providerId: string;
}

/** Facts about the machine, named like the worker's configuration properties. */
export interface Machine {
  readonly publicIP?: string | undefined;
  readonly privateIP?: string | undefined;
  readonly instanceType?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly region?: string | undefined;
  readonly availabilityZone?: string | undefined;
}

/** What a provider knows about this machine. */
export interface Identified {
  readonly identity: Identity;
  /** `cloud`, and `region`, `zone` and `availabilityZone` if the cloud has them. Tasks get this as JSON. */
  readonly location: Readonly<Record<string, string>>;
  readonly machine: Machine;
  /** Facts for `workerTypeMetadata`, under worker-runner's names, such as `instance-id`. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type Proof = RegisterWorkerRequest['workerIdentityProof'];

/** The source of the machine's identity: a cloud or the configuration. */
export interface Provider {
  readonly name: 'static' | 'aws' | 'google' | 'azure';
  /**
   * Whether worker-manager created the machine and removes it. Such a machine can register only once. A static worker
   * can register any number of times.
   */
  readonly isDynamic: boolean;
  /** Finds out the machine's identity. @throws RegistrationError if that fails */
  identify(signal: AbortSignal): Promise<Identified>;
  /** Returns a new proof of the identity. Each registration needs its own. @throws RegistrationError */
  prove(identity: Identity, signal: AbortSignal): Promise<Proof>;
}
