import type { PoolProblem } from '../host.ts';
import { withinLimits } from '../problem-limits.ts';
import type { RunnerConnection } from './connection.ts';

/** A report that nobody hears is not worth a longer delay, in ms: the runner says welcome before anything else. */
const WELCOME_MS = 5_000;

/** Reports a problem to worker-manager, by way of the runner, which needs all four fields. Never throws. */
export async function reportThroughRunner(runner: RunnerConnection, problem: PoolProblem): Promise<void> {
  await runner.welcomed(WELCOME_MS);
  const { kind, title, description, extra } = withinLimits(problem);
  runner.say('error-report', { type: 'error-report', kind, title, description, extra });
}
