import type { RegistrationState } from '../../pool/index.ts';
import type { Setting, Source } from '../config/source.ts';

/**
 * Who the worker is, by its registration. Nothing on the machine can change it, since its credentials are for this worker alone.
 *
 * @param below the sources that it is laid over: of `workerTypeMetadata` it adds only what it knows
 */
export function identitySource(
  { identity, location, machine, metadata, credentials }: RegistrationState,
  below: readonly Source[],
): Source {
  const { rootUrl, workerPoolId, providerId, workerGroup, workerId } = identity;
  const { clientId, accessToken, certificate } = credentials;
  const [provisionerId, workerType] = workerPoolId.split('/');
  // Nothing in the worker uses its zone, which stands in its location and metadata, too.
  const { availabilityZone: _, ...known } = machine;
  const values = {
    rootURL: rootUrl,
    clientId,
    accessToken: accessToken.reveal(),
    certificate: certificate?.reveal(),
    workerPoolId,
    provisionerId,
    workerType,
    providerId,
    workerGroup,
    workerId,
    workerLocation: JSON.stringify(location),
    workerTypeMetadata: { ...metadataOf(below), ...metadata },
    ...known,
  };
  const place = 'registration with worker-manager';
  const settings = Object.entries(values).flatMap(([name, value]): [string, Setting][] =>
    value === undefined ? [] : [[name, { value, place }]],
  );
  return { settings: new Map(settings), problems: [] };
}

function metadataOf(sources: readonly Source[]): object {
  const value = sources
    .findLast(({ settings }) => settings.has('workerTypeMetadata'))
    ?.settings.get('workerTypeMetadata')?.value;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
