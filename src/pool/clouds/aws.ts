import type { Provider } from '../registration/identity.ts';
import { RegistrationError } from '../registration/registration-error.ts';
import { bootstrap, BOOTSTRAP_NAMES } from './bootstrap.ts';
import type { MetadataService } from './metadata-service.ts';
import { address, jsonObject, known, required, word } from './metadata-text.ts';

const DOCUMENT = '/latest/dynamic/instance-identity/document';

/**
 * The provider for AWS machines. worker-manager sets the machine's user data and trusts documents that AWS has signed.
 *
 * @param service a metadata service that sends version 2 tokens
 */
export function awsProvider(service: MetadataService): Provider {
  return {
    name: 'aws',
    isDynamic: true,
    identify: async signal => {
      const get = (path: string) => service.askWithRetries({ path: `/latest${path}` }, signal);
      const userData = jsonObject(await get('/user-data'), "the machine's user data");
      const document = jsonObject(
        await service.askWithRetries({ path: DOCUMENT }, signal),
        'the instance identity document',
      );
      const workerId = required(document.instanceId, 'instanceId of the instance identity document');
      const region = required(document.region, 'region of the instance identity document');
      const availabilityZone = word(document.availabilityZone);
      const publicIP = address(await get('/meta-data/public-ipv4'));
      const privateIP = address(document.privateIp);
      const instanceType = word(document.instanceType);
      return {
        identity: { ...bootstrap(userData, BOOTSTRAP_NAMES, 'the user data'), workerId },
        location: known({ cloud: 'aws', region, availabilityZone }),
        machine: { publicIP, privateIP, instanceType, instanceId: workerId, region, availabilityZone },
        metadata: known({
          'instance-id': workerId,
          image: word(document.imageId),
          'instance-type': instanceType,
          region,
          'availability-zone': availabilityZone,
          'local-ipv4': privateIP,
          'public-hostname': word(await get('/meta-data/public-hostname')),
          'public-ipv4': publicIP,
        }),
      };
    },
    prove: async (_identity, signal) => {
      // The signature covers these exact bytes, so they are sent unchanged.
      const document = await service.askWithRetries({ path: DOCUMENT }, signal);
      const signature = await service.askWithRetries(
        { path: '/latest/dynamic/instance-identity/signature' },
        signal,
      );
      if (document && signature) return { document, signature };
      throw new RegistrationError('machine', 'AWS has no signed instance identity document for this machine');
    },
  };
}
