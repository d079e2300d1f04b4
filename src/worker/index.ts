/**
 * A Taskcluster worker: claims tasks, runs them, reports them.
 *
 * @module tcw
 */
export { configDefaults, configSchema, type WorkerConfig } from './config/index.ts';
export type { WorkerParts } from './context.ts';
export type { Engine, Sandbox, Command, CommandResult } from './engines/engine.ts';
export { nativeEngine } from './engines/native/index.ts';
export type { Incident, Incidents, Tell, WorkerNews } from './events.ts';
export { readOwnFile, replaceOwnFile } from './files/own-file.ts';
export { removeFolder } from './files/remove-folder.ts';
export { readyTasksDir } from './files/tasks-dir.ts';
export { openLedger, removeLeftovers, showLife, showsLife, type Ledger } from './ledger/index.ts';
export type { Outcome } from './outcome.ts';
export { payloadSchema } from './features/index.ts';
export { LiveSecrets } from './secrets/live-secrets.ts';
export type { RunState } from './run/run-state.ts';
export type { StopReason } from './run/stop.ts';
export type { ExitReason, WorkerState } from './worker-state.ts';
export { createWorker, type Worker } from './worker.ts';
