import { claimFrom, type Claim } from '../../src/taskcluster/queue/claim.ts';
import type { TaskClaim } from '../../src/taskcluster/index.ts';
import { claimAnswer } from '../taskcluster/claim-answer.ts';

/** A claim of a run that was pending for so many seconds. */
export function claimAfter(pendingSecs: number): Claim {
  const answer = structuredClone(claimAnswer());
  const [run] = answer.status.runs;
  if (run) run.started = new Date(Date.parse(run.scheduled) + pendingSecs * 1_000).toJSON();
  return claimFrom(answer as unknown as TaskClaim, 0);
}
