import { isAbsolute } from 'node:path';

/** Where an engine listens. */
export interface Address {
  /** As written in `DOCKER_HOST`, for messages. */
  readonly name: string;
  /** For an HTTP client. Over a Unix socket the host name is irrelevant. */
  readonly origin: string;
  /** Absolute. */
  readonly socketPath?: string;
}

export const DEFAULT_ADDRESS = 'unix:///var/run/docker.sock';

/**
 * Parses an address in the syntax of `DOCKER_HOST`: `unix:///var/run/docker.sock`, `tcp://127.0.0.1:2375`.
 *
 * @throws Error for any other syntax, and for `ssh://`, which needs Docker's command line
 */
export function addressOf(host: string): Address {
  const wrong = (why: string) =>
    new Error(
      `${host} is not the address of a Docker engine: ${why} (as in ${DEFAULT_ADDRESS}, tcp://127.0.0.1:2375)`,
    );
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.*)$/s.exec(host) ?? [];
  switch (scheme) {
    case 'unix':
      if (!isAbsolute(rest)) throw wrong('the path of its socket must be absolute');
      return { name: host, origin: 'http://docker', socketPath: rest };
    case 'tcp':
    case 'http': {
      const url = URL.canParse(`http://${rest}`) ? new URL(`http://${rest}`) : undefined;
      if (url?.pathname !== '/' || url.search !== '' || url.hash !== '') {
        throw wrong('it must be a host and a port');
      }
      if (url.username !== '' || url.password !== '') throw wrong('it cannot have a user name');
      if (url.port === '') url.port = '2375';
      return { name: host, origin: url.origin };
    }
    case undefined:
      throw wrong('it does not say how to connect');
    default:
      throw wrong(`tcw connects by unix:// and tcp://, not by ${scheme}://`);
  }
}
