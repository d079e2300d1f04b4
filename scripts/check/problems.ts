/** Prints what is wrong, one line each, and lets the process fail when there is anything. */
export function report(problems: readonly string[]): void {
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
}
