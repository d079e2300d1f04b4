import { shellQuoted } from '../../base/index.ts';
import type { GeneralConfig } from '../properties/index.ts';
import type { CommandResult } from '../engines/engine.ts';

/** Labels end in one column, as wide as generic-worker's longest label. */
const LABEL_WIDTH = 32;

/** Returns the log's summary of a command. Tools read the exit code and times from these lines. */
export function commandSummary(
  { exitCode, userMs, kernelMs, wallMs }: CommandResult,
  more: readonly (readonly [label: string, value: string])[] = [],
): string {
  const lines: (readonly [string, string])[] = [
    ['Exit Code', String(exitCode)],
    ...(userMs === undefined ? [] : [['User Time', goDuration(userMs)] as const]),
    ...(kernelMs === undefined ? [] : [['Kernel Time', goDuration(kernelMs)] as const]),
    ['Wall Time', goDuration(wallMs)],
    ...more,
    ['Result', exitCode === 0 ? 'SUCCEEDED' : 'FAILED'],
  ];
  return lines.map(([label, value]) => `${label.padStart(LABEL_WIDTH)}: ${value}`).join('\n');
}

/**
 * Returns the log's line about a command that was killed by something other than this worker, or when memory
 * had run out.
 */
export function killedLine({ exitCode, memoryRanOut }: CommandResult): string | undefined {
  const memory = 'Memory ran out meanwhile, and the system ended processes.';
  if (exitCode !== 128 + 9) return exitCode !== 0 && memoryRanOut ? memory : undefined;
  const killed = 'The command, or a program in it, was ended by SIGKILL, and not by this worker.';
  return `${killed} ${memoryRanOut ? memory : 'The system reports that memory did not run out.'}`;
}

/** Returns the line that marks omitted bytes, because of the disk or of the limit. */
export function cutLine(omitted: number, maxBytes: number, failure?: Error): string {
  const why = failure
    ? `the disk did not accept all of it (${failure.message})`
    : `it is longer than the ${maxBytes} bytes that this worker allows`;
  return `${omitted} bytes of the log are omitted here: ${why}`;
}

/**
 * Formats a duration as Go does, which readers of these logs know: `1.02ms`, `3.4s`, `1m2.5s`, `1h0m3s`. It is
 * exact to the nanosecond below a second, and to the microsecond from there on.
 */
export function goDuration(ms: number): string {
  // Rounded before it is split, because otherwise a minute could have 60 s.
  const nanoseconds = Math.round(ms * 1e6);
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  const microseconds = Math.round(ms * 1e3);
  const hours = Math.floor(microseconds / 3.6e9);
  const minutes = Math.floor(microseconds / 6e7) % 60;
  const seconds = `${(microseconds % 6e7) / 1e6}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

/** Formats a command for a shell, so that it can be copied from the log. */
export function shellCommandLine(argv: readonly string[]): string {
  return argv.map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : shellQuoted(word))).join(' ');
}

/** Returns the log's first lines: the pool and the machine. `workerTypeMetadata` is shown as configured. */
export function settingsBlock(
  { provisionerId, workerType, workerTypeMetadata, capacity }: GeneralConfig,
  { version, engines }: { readonly version: string; readonly engines: readonly string[] },
): string {
  const tcw = {
    version,
    engine: engines.join(', '),
    config: { capacity },
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  };
  const settings = JSON.stringify({ ...workerTypeMetadata, tcw }, undefined, 2).replaceAll(/^/gm, '  ');
  return `Worker Type (${provisionerId}/${workerType}) settings:\n${settings}`;
}
