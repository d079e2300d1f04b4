import { validator } from '../../base/index.ts';
import { claimFrom, type Claim } from './claim.ts';
import type { ClaimWorkResponse } from '../generated/api.ts';

const claimProblems = validator('taskcluster/queue/v1/claim-work-response.json#/properties/tasks/items', {
  acceptUnknown: true,
});

/** How many problems of one claim are reported. */
const MAX_PROBLEMS = 5;

/**
 * Parses the claims in an answer. An invalid claim is left out, so that the others in the same answer are not lost.
 *
 * @param asked how many tasks were asked for; the worker has no slots for more
 * @param onUnreadable called with each problem of a claim that is left out
 */
export function readableClaims(
  answer: ClaimWorkResponse,
  asked: number,
  onUnreadable?: (problem: string) => void,
): Claim[] {
  const receivedMs = Date.now();
  const report = (problem: string) => onUnreadable?.(`invalid answer from claimWork: ${problem}`);
  if (!Array.isArray(answer.tasks)) {
    report('/tasks is not a list');
    return [];
  }
  const surplus = answer.tasks.length - asked;
  if (surplus > 0)
    report(
      `it has ${answer.tasks.length} tasks, but only ${asked} were requested; the last ${surplus} are ignored`,
    );
  return answer.tasks.slice(0, asked).flatMap((claim, index) => {
    const problems = claimProblems(claim);
    for (const problem of problems.slice(0, MAX_PROBLEMS)) report(`/tasks/${index}${problem}`);
    if (problems.length > 0) return [];
    try {
      return [claimFrom(claim, receivedMs)];
    } catch (error) {
      // The schema accepts some times that Date.parse does not, such as leap seconds.
      report((error as Error).message);
      return [];
    }
  });
}
