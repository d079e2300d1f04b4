import { rowOf, type Goal, type Row } from '../report/row.ts';
import type { Wait } from '../setting/sample.ts';

/**
 * The rows for waits of tasks, beside the baseline's: those from createTask's answer, which have goals, and those from its
 * arrival, which have the whole way in them.
 */
export function waitRows(
  when: string,
  own: readonly Wait[],
  other: readonly Wait[],
  goals: { readonly median: Goal; readonly p90?: Goal },
): Row[] {
  const answered = {
    figure: `createTask answered → claimed, ${when}`,
    samples: own.map(wait => wait.fromAnswer),
    baseline: other.map(wait => wait.fromAnswer),
  };
  const received = {
    figure: `createTask received → claimed, ${when}`,
    samples: own.map(wait => wait.fromRequest),
    baseline: other.map(wait => wait.fromRequest),
  };
  return [
    rowOf('median', answered, goals.median),
    ...(goals.p90 ? [rowOf('p90', answered, goals.p90)] : []),
    rowOf('median', received),
  ];
}
