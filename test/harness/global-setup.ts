import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import type { ControlCoordinates } from './broker-control.ts';
import { startBroker, type Broker } from './broker.ts';
import { buildProgram } from './program.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** For the user who may do what a user of Pulse may do. */
    pulseUrl: string;
    /** For the user who publishes as Taskcluster's queue. */
    queuePulseUrl: string;
    brokerKind: Broker['kind'];
    /** Undefined when the broker is a given one. */
    brokerControl: ControlCoordinates | undefined;
    /** The path of `tcw`, bundled from the sources of this checkout. */
    program: string;
  }
}

const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url));

/** One broker and one build for the whole run; tests get them with `inject('pulseUrl')` and `inject('program')`. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // For the processes of the tests that run TypeScript; `tcw` itself caches nothing.
  process.env.NODE_COMPILE_CACHE ??= COMPILED;
  project.provide('program', await buildProgram());
  const broker = await startBroker();
  project.provide('pulseUrl', broker.pulseUrl);
  project.provide('queuePulseUrl', broker.queuePulseUrl);
  project.provide('brokerKind', broker.kind);
  project.provide('brokerControl', broker.control);
  return () => broker.stop();
}
