import { isIP } from 'node:net';
import { basename } from 'node:path';
import type { ContainerPart } from '../../engines/container.ts';
import type { RunHandle } from '../feature.ts';
import type { SlotPorts } from './slot-ports.ts';

/** Where the proxy of one run listens, and how the run's processes call it. */
export interface ProxyPlace {
  /** Of this machine. */
  readonly address: string;
  /** Another is taken where this one cannot be had. */
  readonly port: number;
  /** The names by which it may be called, beside its address. */
  readonly names: readonly string[];
  /** @param port the one that was taken */
  readonly url: (port: number) => string;
  /** What the container needs to find it. */
  readonly container: ContainerPart;
}

/**
 * Where engines whose tasks share this machine's network reach it. `localhost` may also be `::1`, where somebody else could
 * listen on the same port.
 */
const LOOPBACK = '127.0.0.1';
/** As tasks have it in docker-worker and in generic-worker. Many have `http://taskcluster/` in their scripts. */
const HOST_NAME = 'taskcluster';
const HTTP_PORT = 80;

/** @param stack gives the port back */
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
 * Makes a network for the container of a run, in which the proxy has this machine's address.
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
