/**
 * A Taskcluster worker: claims tasks, runs them, reports them.
 *
 * @module tcw
 */
export { configDefaults, configSchema, type WorkerConfig } from './config/index.ts';
export type { WorkerParts } from './context.ts';
export type { Engine, Sandbox, Command, CommandResult } from './engines/engine.ts';
export { nativeEngine } from './engines/native/index.ts';
export type { WorkerNews } from './events.ts';
export type { LogFields, Logger } from './logger.ts';
export type { Outcome } from './outcome.ts';
export { payloadSchema } from './payload-schema.ts';
export type { RunState } from './run-state.ts';
export type { StopReason } from './stop.ts';
export type { ExitReason, WorkerState } from './worker-state.ts';
export { runWorker } from './worker.ts';
