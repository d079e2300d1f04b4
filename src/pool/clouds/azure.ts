import type { Provider } from '../registration/identity.ts';
import { RegistrationError } from '../registration/registration-error.ts';
import { bootstrap } from './bootstrap.ts';
import type { MetadataService } from './metadata-service.ts';
import { address, jsonObject, known, required, word } from './metadata-text.ts';

/** Azure only answers requests with this header. */
export const AZURE_HEADERS = { metadata: 'true' };
const VERSION = 'api-version=2025-04-07';
const TAGS = {
  rootUrl: 'root-url',
  workerPoolId: 'worker-pool-id',
  providerId: 'provider-id',
  workerGroup: 'worker-group',
} as const;

/**
 * The provider for Azure machines. worker-manager sets the machine's tags and trusts documents that Azure has signed.
 *
 * https://learn.microsoft.com/azure/virtual-machines/instance-metadata-service
 */
export function azureProvider(service: MetadataService): Provider {
  const ask = (path: string, signal: AbortSignal) =>
    service.askWithRetries({ path: `/metadata/${path}?${VERSION}`, headers: AZURE_HEADERS }, signal);
  return {
    name: 'azure',
    isDynamic: true,
    identify: async signal => {
      const instance = jsonObject(await ask('instance', signal), "Azure's description of the machine");
      const compute = part(instance.compute);
      const region = required(compute.location, 'compute.location');
      const instanceType = word(compute.vmSize);
      const { publicIP, privateIP } = addresses(part(instance.network));
      return {
        identity: {
          ...bootstrap(tagsOf(compute.tagsList), TAGS, 'the tags of the machine'),
          workerId: required(compute.name, 'compute.name'),
        },
        location: { cloud: 'azure', region },
        machine: { publicIP, privateIP, instanceType, region },
        metadata: known({
          'vm-id': word(compute.vmId),
          'instance-type': instanceType,
          region,
          'local-ipv4': privateIP,
          'public-ipv4': publicIP,
        }),
      };
    },
    prove: async (_identity, signal) => {
      const { encoding, signature } = jsonObject(
        await ask('attested/document', signal),
        'the attested document',
      );
      // worker-manager verifies the document: its signature, its certificate, its age and the machine that it names.
      // A check here could only refuse what worker-manager would accept, so it is passed on as it is.
      if (encoding === 'pkcs7' && typeof signature === 'string') return { document: signature };
      throw new RegistrationError('machine', 'the attested document of Azure is not in PKCS#7 format');
    },
  };
}

function part(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function tagsOf(list: unknown): Readonly<Record<string, unknown>> {
  const tags = Array.isArray(list) ? (list as unknown[]).map(part) : [];
  return Object.fromEntries(tags.map(({ name, value }) => [String(name), value]));
}

/** With several interfaces or addresses it is unclear which one counts, so none is returned. An address may be "". */
function addresses(network: Readonly<Record<string, unknown>>) {
  const networkInterface = theOnly(network.interface);
  const pair = theOnly(part(networkInterface.ipv4).ipAddress);
  return { publicIP: address(pair.publicIpAddress), privateIP: address(pair.privateIpAddress) };
}

/** Returns the object in a list that has exactly one. */
function theOnly(list: unknown): Readonly<Record<string, unknown>> {
  return Array.isArray(list) && list.length === 1 ? part(list[0]) : {};
}
