import type { RegisterWorkerRequest } from '../../taskcluster/index.ts';

/** The name of a worker in its deployment. */
export interface WorkerName {
  readonly workerPoolId: string;
  readonly workerGroup: string;
  readonly workerId: string;
}

/** Which worker this machine is, and what worker-manager has to know to find it. */
export interface Identity extends WorkerName {
  readonly rootUrl: string;
  /** The name that the deployment gives to the provider, such as `community-tc-aws`. */
  readonly providerId: string;
}

/** The machine, in the words of the worker's configuration. */
export interface Machine {
  readonly publicIP?: string | undefined;
  readonly privateIP?: string | undefined;
  readonly instanceType?: string | undefined;
  readonly instanceId?: string | undefined;
  readonly region?: string | undefined;
  readonly availabilityZone?: string | undefined;
}

/** What a provider knows of the machine that asks. */
export interface Identified {
  readonly identity: Identity;
  /** `cloud`, and what the cloud has of `region`, `zone` and `availabilityZone`: tasks get it as JSON. */
  readonly location: Readonly<Record<string, string>>;
  readonly machine: Machine;
  /** Facts for `workerTypeMetadata`, by worker-runner's names, such as `instance-id`. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type Proof = RegisterWorkerRequest['workerIdentityProof'];

/** Whoever gave the machine its identity. */
export interface Provider {
  readonly name: 'static' | 'aws' | 'google' | 'azure';
  /**
   * Whether worker-manager made the machine, and removes it. Such a machine registers once in its life. A static worker registers
   * as often as it likes.
   */
  readonly isDynamic: boolean;
  /** @throws RegistrationError when the machine cannot say who it is */
  identify(signal: AbortSignal): Promise<Identified>;
  /** A proof of the identity, made anew for each registration. @throws RegistrationError */
  prove(identity: Identity, signal: AbortSignal): Promise<Proof>;
}
