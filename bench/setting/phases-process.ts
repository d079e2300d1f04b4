// One worker, assembled like `tcw run`, that reports to the parent when each phase of each run begins.
import { startWorker } from '../../src/worker/index.ts';
import { nowMs } from './clock.ts';
import { workerOptions } from './worker-parts.ts';

/** A run has reached a phase of its state machine. */
export interface PhaseMessage {
  readonly taskId: string;
  readonly phase: string;
  readonly atMs: number;
}

process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());
startWorker(workerOptions()).events$.subscribe(event => {
  if (event.type === 'run') {
    const message: PhaseMessage = { taskId: event.claim.taskId, phase: event.state.phase, atMs: nowMs() };
    process.send?.(message);
  } else if (event.type === 'worker' && event.state.phase === 'listening') {
    process.send?.('ready');
  }
});
