import { validator } from '../base/index.ts';
import { claimFrom, type Claim } from './claim.ts';
import type { ClaimWorkResponse } from './generated/api.ts';

const claimProblems = validator('taskcluster/queue/v1/claim-work-response.json#/properties/tasks/items', {
  acceptUnknown: true,
});

/** Of one claim, so many problems are told. */
const MOST_PROBLEMS = 5;

/**
 * Reads the claims of an answer. One odd claim must not cost the others that came with it.
 *
 * @param asked for how many. The worker has no slot for more
 * @param onUnreadable told of each claim that is left out
 */
export function readableClaims(
  answer: ClaimWorkResponse,
  asked: number,
  onUnreadable?: (problem: string) => void,
): Claim[] {
  const receivedMs = Date.now();
  const tell = (problem: string) => onUnreadable?.(`claimWork answered what it should not: ${problem}`);
  if (!Array.isArray(answer.tasks)) {
    tell('/tasks is not a list');
    return [];
  }
  const surplus = answer.tasks.length - asked;
  if (surplus > 0)
    tell(`${answer.tasks.length} tasks where ${asked} were asked for, so ${surplus} are left out`);
  return answer.tasks.slice(0, asked).flatMap((claim, index) => {
    const problems = claimProblems(claim);
    for (const problem of problems.slice(0, MOST_PROBLEMS)) tell(`/tasks/${index}${problem}`);
    if (problems.length > 0) return [];
    try {
      return [claimFrom(claim, receivedMs)];
    } catch (error) {
      // The schema lets through what is no time, such as a leap second.
      tell((error as Error).message);
      return [];
    }
  });
}
