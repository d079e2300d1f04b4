import type { RunnerConnection } from '../../pool/index.ts';

/** Fields that are left out. worker-runner writes its own time before each line. */
const LEFT_OUT = new Set(['msg', 'time', 'pid', 'hostname']);

/**
 * Sends lines of the worker's log, in pino's format, to worker-runner, which prints the message followed by the other
 * fields. Returns false if the line was not sent: before worker-runner's welcome message, after the connection has
 * ended, or if it does not support logs.
 */
export function throughRunner(runner: RunnerConnection): (json: string) => boolean {
  return json => {
    if (!runner.agreed('log')) return false;
    const line = JSON.parse(json) as Readonly<Record<string, unknown>>;
    const fields = Object.entries(line).filter(([name]) => !LEFT_OUT.has(name));
    return runner.log({ textPayload: line.msg, ...Object.fromEntries(fields) });
  };
}
