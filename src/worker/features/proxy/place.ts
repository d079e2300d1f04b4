import { isIP } from 'node:net';
import { basename } from 'node:path';
import type { ContainerPart } from '../../engines/container.ts';
import type { RunHandle } from '../feature.ts';
import type { SlotPorts } from './slot-ports.ts';

/** Where the proxy of one run listens, and how the run's processes address it. */
export interface ProxyPlace {
  /** An address of this machine. */
  readonly address: string;
  /** The preferred port. If it is not available, another one is used. */
  readonly port: number;
  /** Host names under which it may be called, in addition to its address. */
  readonly names: readonly string[];
  /** @param port the actual port */
  readonly url: (port: number) => string;
  /** Settings with which the container finds the proxy. */
  readonly container: ContainerPart;
}

/**
 * The address for engines whose tasks share this machine's network. `localhost` may also be `::1`, where
 * another process could listen on the same port.
 */
const LOOPBACK = '127.0.0.1';
/** The host name in docker-worker and generic-worker. Many scripts contain `http://taskcluster/`. */
const HOST_NAME = 'taskcluster';
const HTTP_PORT = 80;

/** @param stack releases the port */
export function placeOnMachine(
  hostAddress: string,
  ports: SlotPorts,
  stack: AsyncDisposableStack,
): ProxyPlace {
  const { port, release } = ports.take();
  stack.defer(release);
  const host = hostAddress === 'localhost' ? LOOPBACK : hostAddress;
  return {
    address: isIP(host) === 0 ? LOOPBACK : host,
    port,
    names: ['localhost', host],
    url: taken => `http://${host}:${taken}`,
    container: {},
  };
}

/**
 * Creates a network for the container of a run, in which the proxy has this machine's address.
 *
 * @param stack disposes of the network, after the proxy
 */
export async function placeForContainer(
  { engine, home, signal }: RunHandle,
  stack: AsyncDisposableStack,
): Promise<ProxyPlace> {
  if (!engine.openNetwork) throw new TypeError('the engine has no networks, though it has containers');
  const network = stack.use(await engine.openNetwork({ runName: basename(home.path), signal }));
  const { gateway: address } = network;
  return {
    address,
    port: HTTP_PORT,
    names: [HOST_NAME],
    url: taken => `http://${HOST_NAME}${taken === HTTP_PORT ? '' : `:${taken}`}`,
    container: { network, hosts: { [HOST_NAME]: address } },
  };
}
