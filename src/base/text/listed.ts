/** The most problems that are listed. Nobody reads more. */
const MAX_PROBLEMS = 20;
/** The longest problem, in characters. A problem may contain names from untrusted input. */
const LONGEST_PROBLEM = 300;

/**
 * Returns the first problems, each on one short line without control characters. A user's own check may return any
 * value as a problem.
 */
export function listed(problems: readonly unknown[]): string[] {
  const shown = problems.slice(0, MAX_PROBLEMS).map(problem => line(problemText(problem)));
  const more = problems.length - shown.length;
  return more > 0 ? [...shown, `${more} more problems`] : shown;
}

/** Returns the text of a problem: the message of an error, JSON for any other object. Never throws. */
export function problemText(problem: unknown): string {
  try {
    if (typeof problem !== 'object' || problem === null) return String(problem);
    return String(problem instanceof Error ? problem.message || problem.name : JSON.stringify(problem));
  } catch {
    return 'a problem that has no text';
  }
}

function line(problem: string): string {
  const text = problem.length > LONGEST_PROBLEM ? `${problem.slice(0, LONGEST_PROBLEM)}…` : problem;
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
