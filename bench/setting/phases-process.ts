// One worker, put together as `tcw run` is, that tells its parent when each phase of each run begins.
import { EMPTY } from 'rxjs';
import { connect } from '../../src/pulse/index.ts';
import { createWorker } from '../../src/worker/index.ts';
import { nowMs } from './clock.ts';
import { workerParts } from './worker-parts.ts';

/** A run has come to a phase of its state machine. */
export interface PhaseMessage {
  readonly taskId: string;
  readonly phase: string;
  readonly atMs: number;
}

const parts = await workerParts();
const pulse = connect({ url: parts.config.pulseUrl, connectionName: 'tcw bench phases' });
process.once('disconnect', () => process.exit());
process.once('SIGTERM', () => process.exit());
createWorker(parts, pulse, EMPTY).events$.subscribe(news => {
  if (news.type === 'run') {
    const message: PhaseMessage = { taskId: news.claim.taskId, phase: news.state.phase, atMs: nowMs() };
    process.send?.(message);
  } else if (news.type === 'worker' && news.state.phase === 'listening') {
    process.send?.('ready');
  }
});
