import { isIPv4 } from 'node:net';
import type { Network, NetworkOptions } from '../container.ts';
import { DockerError, isUnanswered, type DockerClient } from './api/index.ts';
import type { LateRemovals } from './leftovers/late-removals.ts';
import { remove, removeNetworks } from './leftovers/leftovers.ts';

interface InspectedNetwork {
  readonly IPAM: {
    readonly Config: readonly { readonly Subnet?: string; readonly Gateway?: string }[] | null;
  };
}

export interface OpenNetworkOptions extends NetworkOptions {
  readonly client: DockerClient;
  /** The run's trace. It is among the labels. */
  readonly trace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly late: LateRemovals;
  readonly timeoutMs: number;
}

/** Creates a bridge network for the containers of one run. */
export async function openNetwork(options: OpenNetworkOptions): Promise<Network> {
  const { client, runName, signal, trace, labels, late, timeoutMs } = options;
  signal.throwIfAborted();
  const { Id: id } = await client
    // Without the signal: an aborted call might leave a network behind.
    .json<{ Id: string }>({
      method: 'POST',
      path: '/networks/create',
      body: { Name: `tcw-${runName}`, Driver: 'bridge', Labels: labels },
      timeoutMs,
    })
    .catch((error: unknown) => {
      if (isUnanswered(error)) late.add(() => removeNetworks(client, trace));
      throw error;
    });
  const dispose = async () => {
    const removeIt = () => remove(client, `/networks/${id}`);
    try {
      await removeIt();
    } catch (error) {
      late.add(removeIt);
      throw error;
    }
  };
  try {
    signal.throwIfAborted();
    const address = await addressOf(client, id);
    return { id, ...address, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose().catch(() => undefined);
    throw error;
  }
}

/** This machine's address in the engine's default network; undefined where there is none. */
export async function defaultGateway(client: DockerClient): Promise<string | undefined> {
  return addressOf(client, 'bridge').then(
    ({ gateway }) => gateway,
    () => undefined,
  );
}

/** The first address of an IPv4 network. Engines give it to the machine unless they say otherwise. */
function firstIn(subnet: string | undefined): string | undefined {
  const [, front, last] = /^(\d+\.\d+\.\d+\.)(\d+)\/\d+$/.exec(subnet ?? '') ?? [];
  return front === undefined ? undefined : `${front}${Number(last) + 1}`;
}

async function addressOf(client: DockerClient, id: string): Promise<Pick<Network, 'gateway' | 'subnet'>> {
  const { IPAM } = await client.json<InspectedNetwork>({ method: 'GET', path: `/networks/${id}` });
  for (const { Subnet: subnet, Gateway: gateway = firstIn(subnet) } of IPAM.Config ?? []) {
    if (gateway !== undefined && subnet !== undefined && isIPv4(gateway)) return { gateway, subnet };
  }
  throw new DockerError(`the Docker engine has given the network ${id} no IPv4 address`);
}
