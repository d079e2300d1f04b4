import { rowOf, type Goal, type Row } from '../report/row.ts';
import type { Wait } from '../setting/sample.ts';

/**
 * Returns the rows for the waits of tasks, with the baseline's. Waits from createTask's response have goals. Waits from
 * the arrival of the request cover the whole way.
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
