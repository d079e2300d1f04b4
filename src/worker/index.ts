/**
 * A Taskcluster worker: claims tasks, runs them, reports them.
 *
 * @module tcw
 */
export type { ArtifactSink } from './artifacts/sink.ts';
export { configDefaults, configSchema, type WorkerConfig } from './config/index.ts';
export type * from './engines/container.ts';
export type * from './engines/engine.ts';
export { connectionOf } from './engines/connection.ts';
export { canRunContainers, dockerEngine, dockerLeftovers } from './engines/docker/index.ts';
export { mockEngine } from './engines/mock/index.ts';
export { nativeEngine, nativeLeftovers } from './engines/native/index.ts';
export type { Incident, Incidents, Emit, WorkerEvent } from './events.ts';
export {
  encryptVariables,
  feature,
  FEATURES,
  featuresOfOneSession,
  serving,
  SigningKeyUnusable,
} from './features/index.ts';
export type * from './features/index.ts';
export { removeFolder } from './files/remove-folder.ts';
export { diskSpace } from './stores/index.ts';
export { openLedger, removeLeftovers, holdFifo, isFifoHeld } from './ledger/index.ts';
export { TaskError, type Outcome } from './outcome.ts';
export { engineNames } from './engine-names.ts';
export { payloadSchema } from './payload-schema.ts';
export type { Property } from './properties/index.ts';
export type { RunState } from './run/run-state.ts';
export type { StopReason } from './run/stop.ts';
export type { SchemaPart } from './schema-part.ts';
export { LiveSecrets } from './secrets/live-secrets.ts';
export type { RunSnapshot, WorkerSnapshot } from './snapshot.ts';
export { CredentialsRefused, UnsuitableMachine, StartError } from './start-error.ts';
export { unpackInto } from './unpack/index.ts';
export { Secret } from '../base/index.ts';
export { connectPulse } from './asking/connect-pulse.ts';
export { tryMachine } from './try-machine.ts';
export { startWorker, type RunningWorker, type WorkerOptions } from './start-worker.ts';
export type * from './task-spec.ts';
export type { ExitReason, WorkerState } from './life/worker-state.ts';
