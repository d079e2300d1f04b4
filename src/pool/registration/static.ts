import type { Secret } from '../../base/index.ts';
import type { Identity, Provider } from './identity.ts';

interface StaticWorker {
  readonly identity: Identity;
  /** The `staticSecret` with which the worker was created in worker-manager. */
  readonly secret: Secret;
  /** Properties of `workerLocation` besides `cloud`. */
  readonly location?: Readonly<Record<string, string>>;
}

/** The provider for a worker that was created with `createWorker`, on a machine that worker-manager did not create. */
export function staticProvider({ identity, secret, location }: StaticWorker): Provider {
  return {
    name: 'static',
    isDynamic: false,
    identify: () =>
      Promise.resolve({ identity, location: { ...location, cloud: 'static' }, machine: {}, metadata: {} }),
    prove: () => Promise.resolve({ staticSecret: secret.reveal() }),
  };
}
