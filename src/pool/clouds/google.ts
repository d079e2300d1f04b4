import type { Provider } from '../registration/identity.ts';
import { RegistrationError } from '../registration/registration-error.ts';
import { bootstrap, BOOTSTRAP_NAMES } from './bootstrap.ts';
import type { MetadataService } from './metadata-service.ts';
import { address, jsonObject, known, required, word } from './metadata-text.ts';

/** Google only answers requests with this header, which browsers cannot send. */
export const GOOGLE_HEADERS = { 'metadata-flavor': 'Google' };
/** A JSON Web Token. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;
const ROOT = '/computeMetadata/v1';

/**
 * The provider for Google Cloud machines. worker-manager sets an attribute of the machine and trusts the token that
 * Google issues for it.
 *
 * https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys
 */
export function googleProvider(service: MetadataService): Provider {
  const ask = (path: string, signal: AbortSignal) =>
    service.askWithRetries({ path: `${ROOT}${path}`, headers: GOOGLE_HEADERS }, signal);
  return {
    name: 'google',
    isDynamic: true,
    identify: async signal => {
      const get = (path: string) => ask(path, signal);
      const attribute = await get('/instance/attributes/taskcluster');
      const given = bootstrap(
        jsonObject(attribute, 'the attribute taskcluster of the machine'),
        BOOTSTRAP_NAMES,
        'the attribute taskcluster',
      );
      const workerId = required(await get('/instance/id'), 'instance/id');
      const zone = lastPart(required(await get('/instance/zone'), 'instance/zone'));
      const region = zone.slice(0, -2);
      const networkInterface = '/instance/network-interfaces/0';
      const publicIP = address(await get(`${networkInterface}/access-configs/0/external-ip`));
      const privateIP = address(await get(`${networkInterface}/ip`));
      const instanceType = word(await get('/instance/machine-type'));
      return {
        identity: { ...given, workerId },
        location: { cloud: 'google', region, zone },
        machine: { publicIP, privateIP, instanceType, instanceId: workerId, region },
        metadata: known({
          'instance-id': workerId,
          'project-id': word(await get('/project/project-id')),
          image: word(await get('/instance/image')),
          'instance-type': instanceType,
          zone,
          region,
          'public-hostname': word(await get('/instance/hostname')),
          'public-ipv4': publicIP,
          'local-ipv4': privateIP,
        }),
      };
    },
    prove: async ({ rootUrl }, signal) => {
      const audience = encodeURIComponent(rootUrl);
      const path = `/instance/service-accounts/default/identity?audience=${audience}&format=full`;
      const token = await ask(path, signal);
      if (token !== undefined && TOKEN.test(token.trim())) return { token: token.trim() };
      throw new RegistrationError(
        'machine',
        'Google has no identity token for this machine: it needs a service account',
      );
    },
  };
}

/** `projects/123/zones/us-central1-a` becomes `us-central1-a`. */
function lastPart(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
