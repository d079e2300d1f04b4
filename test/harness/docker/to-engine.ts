import { connect, type Socket } from 'node:net';

/**
 * A connection to an engine, which may be closed in one direction.
 *
 * @param host as in DOCKER_HOST
 */
export function toEngine(host = 'unix:///var/run/docker.sock'): Socket {
  const { protocol, hostname, port, pathname } = new URL(host);
  const options = { allowHalfOpen: true };
  return protocol === 'unix:'
    ? connect({ ...options, path: pathname })
    : connect({ ...options, host: hostname, port: Number(port) });
}
