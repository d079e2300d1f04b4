import type { ContainerPart } from '../container.ts';
import type { Capability, Engine } from '../engine.ts';
import { mockImages, type AskedImages } from './images.ts';
import { mockNetworks } from './networks.ts';
import { MockSandbox } from './sandbox.ts';

/** Default capabilities of a mock engine. */
const CAPABILITIES: readonly Capability[] = ['host-files', 'own-user', 'background', 'peers'];

export interface MockEngineOptions {
  /**
   * Its capabilities, for tests of refusals. With `containers` it runs docker-worker's tasks: in containers of any image
   * whose root is the run's folder, with networks on the loopback interface.
   */
  readonly capabilities?: readonly Capability[];
}

/** An engine, and a record of the calls to it. */
export interface MockEngine extends Engine {
  readonly asked: {
    readonly images: AskedImages;
    /** IDs of the open networks. */
    readonly networks: readonly string[];
    /** The container parts, in the order of their runs. */
    readonly containers: readonly ContainerPart[];
  };
}

/**
 * Makes an engine that runs no process, for tests of features and of everything else around tasks. Its commands are {@link
 * WORDS | built in}: `['print', 'hello\n']`, `['write-file', 'a/b.txt', 'text']`, `['exit', '3']`. Files, connections,
 * output, stops and grace periods are real.
 */
export function mockEngine({ capabilities = CAPABILITIES }: MockEngineOptions = {}): MockEngine {
  const images: AskedImages = { wanted: [], held: [] };
  const networks: string[] = [];
  const containers: ContainerPart[] = [];
  const hasContainers = capabilities.includes('containers');
  return {
    name: 'mock',
    capabilities: new Set(capabilities),
    formats: [hasContainers ? 'docker-worker' : 'generic-worker'],
    hostAddress: 'localhost',
    asked: { images, networks, containers },
    ...(hasContainers && { images: mockImages(images), openNetwork: mockNetworks(networks) }),
    open: async ({ home, container }) => {
      if (!hasContainers) return new MockSandbox(home);
      if (container?.image === undefined) throw new Error('a container needs an image');
      containers.push(container);
      return new MockSandbox(home, container);
    },
  };
}
