import type { RegistrationState } from '../../pool/index.ts';
import type { Setting, Source } from '../config/source.ts';

/**
 * Makes the source with the worker's identity from its registration. Nothing on the machine overrides it, because the
 * credentials are valid for this worker alone.
 *
 * @param below the sources that it overrides. To `workerTypeMetadata` it only adds its own keys
 */
export function identitySource(
  { identity, location, machine, metadata, credentials }: RegistrationState,
  below: readonly Source[],
): Source {
  const { rootUrl, workerPoolId, providerId, workerGroup, workerId } = identity;
  const { clientId, accessToken, certificate } = credentials;
  const [provisionerId, workerType] = workerPoolId.split('/');
  // The worker does not use the zone, which is also in its location and metadata.
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
