import {
  connectCloud,
  staticProvider,
  type Cloud,
  type CloudName,
  type Note,
  type Provider,
} from '../../pool/index.ts';
import { ConfigurationError } from '../config/problem.ts';
import { loadWithout, type Sources } from '../config/read.ts';
import { problemOf } from '../config/checks/report.ts';
import { providerIn } from './registers.ts';

/** The configuration that a worker has from its own machine before it registers. */
export type OwnConfig = ReturnType<typeof loadWithout>;

/** The provider of the worker's identity, and the cloud that its machine is in. */
export interface Membership {
  readonly provider: Provider;
  readonly cloud?: Cloud;
}

/** Properties that every worker receives from worker-manager, and those that a cloud machine learns from its cloud. */
const BY_REGISTRATION = ['clientId', 'accessToken'];
const BY_CLOUD = [...BY_REGISTRATION, 'rootURL', 'workerType', 'workerId'];

/**
 * Reads the part of the configuration that is on the machine itself.
 *
 * @throws ConfigurationError
 */
export function ownConfig(sources: Sources, workingDirectory: string): OwnConfig {
  const isStatic = providerIn(sources) === 'static';
  const own = loadWithout(new Set(isStatic ? BY_REGISTRATION : BY_CLOUD), sources, workingDirectory);
  if (!isStatic) return own;
  const missing = (['providerId', 'staticSecret'] as const).filter(name => own[name] === undefined);
  if (missing.length === 0) return own;
  throw new ConfigurationError(
    missing.map(property => problemOf({ property, kind: 'missing', message: 'is missing' }, new Map())),
  );
}

export function membershipOf(own: OwnConfig, note: Note): Membership {
  const { provider } = own;
  if (provider === 'static') return { provider: staticWorker(own) };
  const cloud = connectCloud(provider as CloudName, own.cloudMetadataUrl, note);
  return { provider: cloud.provider, cloud };
}

function staticWorker(own: OwnConfig): Provider {
  const {
    rootURL: rootUrl = '',
    provisionerId,
    workerType = '',
    workerGroup,
    workerId = '',
    providerId = '',
  } = own;
  const { staticSecret: secret, workerLocation } = own;
  if (secret === undefined) throw new Error('a static worker without a secret');
  const identity = {
    rootUrl,
    providerId,
    workerPoolId: `${provisionerId}/${workerType}`,
    workerGroup,
    workerId,
  };
  return staticProvider({ identity, secret, location: textsIn(workerLocation) });
}

/** Returns the text values of a `workerLocation`, which is JSON when worker-runner writes it. */
function textsIn(workerLocation = '{}'): Readonly<Record<string, string>> {
  try {
    const location = JSON.parse(workerLocation) as unknown;
    const isText = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === 'string';
    return typeof location === 'object' && location !== null
      ? Object.fromEntries(Object.entries(location).filter(isText))
      : {};
  } catch {
    return {};
  }
}
