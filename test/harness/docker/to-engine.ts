import { connect, type Socket } from 'node:net';

/**
 * Opens a connection to an engine. One direction of it can be closed alone.
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
