import type { RunnerConnection } from '../../pool/index.ts';

/** worker-runner writes a time of its own before each line. */
const LEFT_OUT = new Set(['msg', 'time', 'pid', 'hostname']);

/**
 * Sends lines of the worker's log, as pino writes them, through worker-runner, which prints the message and then the other
 * fields. False for a line that it does not take: before its welcome, after its end, or where it takes no log.
 */
export function throughRunner(runner: RunnerConnection): (json: string) => boolean {
  return json => {
    if (!runner.agreed('log')) return false;
    const line = JSON.parse(json) as Readonly<Record<string, unknown>>;
    const fields = Object.entries(line).filter(([name]) => !LEFT_OUT.has(name));
    return runner.log({ textPayload: line.msg, ...Object.fromEntries(fields) });
  };
}
