import type { PoolProblem } from '../host.ts';
import { withinLimits } from '../problem-limits.ts';
import type { RunnerConnection } from './connection.ts';

/**
 * How long a report waits for the runner's `welcome`, in ms. The runner sends it first, so a longer wait is pointless.
 */
const WELCOME_MS = 5_000;

/** Reports a problem to worker-manager through the runner, which needs all four fields. Never throws. */
export async function reportThroughRunner(runner: RunnerConnection, problem: PoolProblem): Promise<void> {
  await runner.welcomed(WELCOME_MS);
  const { kind, title, description, extra } = withinLimits(problem);
  runner.say('error-report', { type: 'error-report', kind, title, description, extra });
}
