import type { TestProject } from 'vitest/node';
import type { ControlCoordinates } from './broker-control.ts';
import { startBroker, type Broker } from './broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** For the user who may do what a user of Pulse may do. */
    pulseUrl: string;
    /** For the user who publishes as Taskcluster's queue. */
    queuePulseUrl: string;
    brokerKind: Broker['kind'];
    /** Undefined when the broker is a given one. */
    brokerControl: ControlCoordinates | undefined;
  }
}

/** One broker for the whole run; tests get it with `inject('pulseUrl')`. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const broker = await startBroker();
  project.provide('pulseUrl', broker.pulseUrl);
  project.provide('queuePulseUrl', broker.queuePulseUrl);
  project.provide('brokerKind', broker.kind);
  project.provide('brokerControl', broker.control);
  return () => broker.stop();
}
