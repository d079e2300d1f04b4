import type { Secret } from '../../base/index.ts';
import type { Identity, Provider } from './identity.ts';

interface StaticWorker {
  readonly identity: Identity;
  /** The `staticSecret` with which the worker was made in worker-manager. */
  readonly secret: Secret;
  /** More of `workerLocation` than its `cloud`. */
  readonly location?: Readonly<Record<string, string>>;
}

/** A worker that somebody made by `createWorker`, on a machine that nobody made for it. */
export function staticProvider({ identity, secret, location }: StaticWorker): Provider {
  return {
    name: 'static',
    isDynamic: false,
    identify: () =>
      Promise.resolve({ identity, location: { ...location, cloud: 'static' }, machine: {}, metadata: {} }),
    prove: () => Promise.resolve({ staticSecret: secret.reveal() }),
  };
}
