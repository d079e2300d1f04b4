import type { GeneralConfig } from '../properties/index.ts';
import { direct, urlHost } from './direct.ts';
import { statelessName } from './stateless-name.ts';
import { readTls } from './tls.ts';
import type { Way } from './way-in.ts';

/** What the ways need of a worker's configuration. */
type WaysConfig = Pick<
  GeneralConfig,
  | 'livelogCertificate'
  | 'livelogExposePort'
  | 'livelogKey'
  | 'livelogSecret'
  | 'maxTaskRunTime'
  | 'publicIP'
  | 'subdomain'
>;

/** A URL is used for no longer than the longest task and this, in seconds. generic-worker allows the same. */
const AFTER_TASK_SECS = 900;

/**
 * The way that the configuration names, if any.
 *
 * @throws Error what is wrong with the configuration
 */
export function configuredWay(config: WaysConfig): Way | undefined {
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
  // An address for which there is no name is a mistake that the worker's start tells.
  host();
  return direct({ name: 'subdomain', publicIP, port, tls, host });
}
