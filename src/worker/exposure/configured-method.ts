import type { GeneralConfig } from '../properties/index.ts';
import { direct, urlHost } from './direct.ts';
import { statelessName } from './stateless-name.ts';
import { readTls } from './tls.ts';
import type { ExposureMethod } from './exposure-method.ts';

/** The configuration properties that the methods use. */
type ExposureConfig = Pick<
  GeneralConfig,
  | 'livelogCertificate'
  | 'livelogExposePort'
  | 'livelogKey'
  | 'livelogSecret'
  | 'maxTaskRunTime'
  | 'publicIP'
  | 'subdomain'
>;

/** A URL is valid for the time of the longest task plus this, in seconds. generic-worker allows the same. */
const AFTER_TASK_SECS = 900;

/**
 * Returns the configured method without a tunnel, or undefined if none is configured.
 *
 * @throws Error that says what is wrong with the configuration
 */
export function configuredMethod(config: ExposureConfig): ExposureMethod | undefined {
  const { publicIP, livelogExposePort: port, livelogSecret: secret, subdomain, maxTaskRunTime } = config;
  if (publicIP === undefined) return undefined;
  const tls = readTls(config);
  if (secret === undefined && subdomain === undefined)
    return direct({ name: 'publicIP', publicIP, port, tls, host: () => urlHost(publicIP) });
  if (secret === undefined || subdomain === undefined)
    throw new Error(
      'a stateless DNS name needs both livelogSecret and subdomain: configure both, or neither',
    );
  const host = () => {
    const expires = Date.now() + (maxTaskRunTime + AFTER_TASK_SECS) * 1_000;
    return statelessName({ ip: publicIP, expires, secret, subdomain });
  };
  // This throws at the worker's start if no name can be created for the address.
  host();
  return direct({ name: 'subdomain', publicIP, port, tls, host });
}
