import type { Claim } from '../queue/index.ts';
import type { RunState } from './run/run-state.ts';
import type { WorkerState } from './worker-state.ts';

/** Everything that a worker tells of itself, as it happens. */
export type WorkerNews =
  | { readonly type: 'worker'; readonly state: WorkerState }
  | { readonly type: 'run'; readonly claim: Claim; readonly state: RunState };
