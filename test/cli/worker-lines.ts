import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { onTestFailed } from 'vitest';

/** A line of a worker's own log. */
export interface Line {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** Reads the log of a `tcw run`, which is shown when the test fails, and waits for its exit code. */
export function workerLines(child: ChildProcess) {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  onTestFailed(() => {
    console.error(said);
  });
  return {
    exited: once(child, 'exit').then(([code]) => code as number | null),
    /** Every line that it has logged so far. */
    lines: () =>
      said
        .slice(0, said.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map(line => JSON.parse(line) as Line),
  };
}
