import { firstValueFrom } from 'rxjs';
import { EngineUnreachable } from '../engines/engine.ts';
import { outcomeOf, type Outcome } from '../outcome.ts';
import type { ActiveRun } from './active-run.ts';

/**
 * Determines the outcome of a failed run. If the engine disappeared before the task's first command was started, the
 * run is given back to the queue: nothing of the task has happened yet, and the engine's absence is not the task's
 * fault.
 */
export async function failureOf(run: ActiveRun, error: unknown): Promise<Outcome> {
  const outcome = outcomeOf(error);
  const { isEngineAway } = run.worker;
  if (!isEngineAway || run.stopped.aborted || hasBegun(run, error)) return outcome;
  if (outcome.result === 'completed' || isOfTask(outcome)) return outcome;
  if (!(await firstValueFrom(isEngineAway(run.claim)))) return outcome;
  return {
    result: 'exception',
    reason: 'worker-shutdown',
    message: `${outcome.message}. The engine does not answer: the task is given back to the queue`,
  };
}

/** Whether the task's first command may have been started. */
function hasBegun({ state, exitCode }: ActiveRun, error: unknown): boolean {
  if (state.phase === 'preparing') return false;
  return exitCode !== undefined || !(error instanceof EngineUnreachable);
}

/** Whether another run would end in the same way, because of the task itself. */
function isOfTask(outcome: Outcome): boolean {
  if (outcome.result !== 'exception') return true;
  return outcome.reason !== 'internal-error' && outcome.reason !== 'resource-unavailable';
}
