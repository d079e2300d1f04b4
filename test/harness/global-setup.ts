import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import type { ControlCoordinates } from './broker-control.ts';
import { startBroker, type Broker } from './broker.ts';
import { buildProgram } from './program.ts';
import { closedFolder } from '../../src/worker/engines/user/closed-folder.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** For the user with the permissions of a Pulse user. */
    pulseUrl: string;
    /** For the user who publishes as Taskcluster's queue. */
    queuePulseUrl: string;
    brokerKind: Broker['kind'];
    /** Undefined if the broker was given by the environment. */
    brokerControl: ControlCoordinates | undefined;
    /** Path of `tcw`, bundled from the sources of this checkout. */
    program: string;
  }
}

const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/node', import.meta.url));

/**
 * Starts one broker and makes one build for all tests, which get them by `inject('pulseUrl')` and `inject('program')`.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  // For processes of the tests that run TypeScript. `tcw` itself caches nothing.
  process.env.NODE_COMPILE_CACHE ??= COMPILED;
  warnOfClosedFolder();
  project.provide('program', await buildProgram());
  const broker = await startBroker();
  project.provide('pulseUrl', broker.pulseUrl);
  project.provide('queuePulseUrl', broker.queuePulseUrl);
  project.provide('brokerKind', broker.kind);
  project.provide('brokerControl', broker.control);
  return () => broker.stop();
}

/** As root, some tests run Node and programs of this checkout as other users. */
function warnOfClosedFolder(): void {
  if (process.getuid?.() !== 0) return;
  const [closed] = [import.meta.filename, process.execPath].flatMap(file => closedFolder(file) ?? []);
  if (closed === undefined) return;
  console.warn(
    `tcw: tests that run programs as other users will fail or be skipped, because ${closed} is closed to other users. Run "chmod o+x ${closed}", or clone tcw elsewhere\n`,
  );
}
