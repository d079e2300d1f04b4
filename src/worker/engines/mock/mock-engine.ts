import type { ContainerPart } from '../container.ts';
import type { Capability, Engine } from '../engine.ts';
import { mockImages, type AskedImages } from './images.ts';
import { mockNetworks } from './networks.ts';
import { MockSandbox } from './sandbox.ts';

/** What a mock engine can do unless a test says otherwise. */
const CAPABILITIES: readonly Capability[] = ['host-files', 'own-user', 'background', 'peers'];

export interface MockEngineOptions {
  /**
   * What it says that it can do, for a test of what a task is refused for. With `containers` it runs docker-worker's tasks: in
   * containers whose root is the run's folder, of any image, with networks on the loopback interface.
   */
  readonly capabilities?: readonly Capability[];
}

/** An engine, and what was asked of it. */
export interface MockEngine extends Engine {
  readonly asked: {
    readonly images: AskedImages;
    /** Ids of the networks that are not disposed of. */
    readonly networks: readonly string[];
    /** What the containers were made of, in the order of their runs. */
    readonly containers: readonly ContainerPart[];
  };
}

/**
 * Makes an engine that runs no process, for tests of features and of whatever else runs tasks. Its commands are made of
 * {@link WORDS | a few words}: `['print', 'hello\n']`, `['write-file', 'a/b.txt', 'text']`, `['exit', '3']`. Files,
 * connections, output, stops and the time of grace are real.
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
