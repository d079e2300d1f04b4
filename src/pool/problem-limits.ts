import type { PoolProblem } from './host.ts';

/** Limits in characters. worker-manager refuses longer reports (schemas/v1/report-worker-error-request.yml). */
const LONGEST = { kind: 128, title: 128, description: 10_240 } as const;
const CUT = ' …';

/** Cuts a problem to worker-manager's limits, because worker-manager refuses a report that is too long. */
export function withinLimits({ kind, title, description, extra }: PoolProblem): PoolProblem {
  return {
    kind:
      kind
        .toLowerCase()
        .replaceAll(/[^-a-z0-9]+/g, '-')
        .slice(0, LONGEST.kind) || 'worker-error',
    title: cut(title, LONGEST.title),
    description: cut(description, LONGEST.description),
    extra,
  };
}

/** Cuts between whole characters, because half of a surrogate pair is not valid text. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const end = longest - CUT.length;
  const isHalf = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return text.slice(0, isHalf ? end - 1 : end) + CUT;
}
