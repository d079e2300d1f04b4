/** Prints problems, one per line, and sets a failing exit code if there are any. */
export function report(problems: readonly string[]): void {
  for (const problem of problems) console.log(problem);
  if (problems.length > 0) process.exitCode = 1;
}
