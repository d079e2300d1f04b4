import type { WorkerConfig } from '../config/index.ts';
import type { CommandResult } from '../engines/engine.ts';

/** Labels end in one column, as wide as the longest that generic-worker has. */
const LABEL_WIDTH = 32;

/** What the log says after a command: tools read exit code and times from these lines. */
export function commandSummary({ exitCode, userMs, kernelMs, wallMs }: CommandResult): string {
  const lines: (readonly [string, string])[] = [
    ['Exit Code', String(exitCode)],
    ...(userMs === undefined ? [] : [['User Time', goDuration(userMs)] as const]),
    ...(kernelMs === undefined ? [] : [['Kernel Time', goDuration(kernelMs)] as const]),
    ['Wall Time', goDuration(wallMs)],
    ['Result', exitCode === 0 ? 'SUCCEEDED' : 'FAILED'],
  ];
  return lines.map(([label, value]) => `${label.padStart(LABEL_WIDTH)}: ${value}`).join('\n');
}

/** A duration in Go's spelling, which is what readers of these logs know: `1.02ms`, `3.4s`, `1m2.5s`, `1h0m3s`. */
export function goDuration(ms: number): string {
  if (ms === 0) return '0s';
  if (ms < 1) return `${round(ms * 1_000, 3)}µs`;
  if (ms < 1_000) return `${round(ms, 6)}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor(ms / 60_000) % 60;
  const seconds = `${round((ms / 1_000) % 60, 6)}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** A command as a shell would take it, so that it can be copied from the log. */
export function shellWords(argv: readonly string[]): string {
  return argv
    .map(word => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/** The log's first lines: which pool this is, and on what. `workerTypeMetadata` is shown as it was configured. */
export function settingsBlock(
  { provisionerId, workerType, workerTypeMetadata, capacity }: WorkerConfig,
  { version, engine }: { version: string; engine: string },
): string {
  const tcw = {
    version,
    engine,
    config: { capacity },
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
  };
  const settings = JSON.stringify({ ...workerTypeMetadata, tcw }, undefined, 2).replaceAll(/^/gm, '  ');
  return `Worker Type (${provisionerId}/${workerType}) settings:\n${settings}`;
}
